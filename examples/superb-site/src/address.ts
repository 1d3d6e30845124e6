import type { Request } from 'express'
import { z } from 'zod'
import { formField, type Problem } from './form.ts'

export const COUNTRIES = {
  AT: 'Austria',
  BE: 'Belgium',
  CH: 'Switzerland',
  DE: 'Germany',
  ES: 'Spain',
  FR: 'France',
  GB: 'United Kingdom',
  IE: 'Ireland',
  IT: 'Italy',
  NL: 'Netherlands',
  PT: 'Portugal',
  SE: 'Sweden',
  US: 'United States',
} as const

/** Any letters: names and streets of the world follow no pattern. Only what breaks lines and labels is refused. */
function line(label: string, longest: number) {
  return z
    .string()
    .trim()
    .min(1, `Enter ${label}.`)
    .max(longest, `At most ${longest} characters fit on the label for ${label}.`)
    .regex(/^\P{C}*$/u, `There are characters in ${label} that cannot be printed.`)
}

export const Address = z.object({
  recipient: line('a name', 80),
  street: line('street and number', 120),
  postcode: line('a postcode', 16),
  city: line('a town', 80),
  country: z.enum(Object.keys(COUNTRIES) as [Country, ...Country[]], 'Choose a country from the list.'),
})

export type Country = keyof typeof COUNTRIES
export type Address = Readonly<z.infer<typeof Address>>
export type AddressField = keyof Address
export const ADDRESS_FIELDS = Object.keys(Address.shape) as readonly AddressField[]

/** What was typed, to be shown again, and either the address or what is wrong with it. */
export interface AddressForm {
  readonly typed: Readonly<Record<AddressField, string>>
  readonly address: Address | null
  readonly problems: readonly Problem[]
}

export function readAddress(request: Request): AddressForm {
  const typed = Object.fromEntries(
    ADDRESS_FIELDS.map((field) => [field, formField(request, field)]),
  ) as AddressForm['typed']
  const { data, error } = Address.safeParse(typed)
  const problems = ADDRESS_FIELDS.flatMap((field) => {
    const issue = error?.issues.find(({ path }) => path[0] === field)
    return issue ? [{ field, text: issue.message }] : []
  })
  return { typed, address: data ?? null, problems }
}
