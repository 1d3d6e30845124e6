import { z } from 'zod'

/** The query of every list: how many entries, and where the page before ended. */
export const Page = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1_000).optional(),
  cursor: z.string().max(2_000).optional(),
})
