import type { Authority } from '../../src/authority.ts'

/** Lets nobody go on who has read an artefact of this model until so many have: then all of them believe that it is unused. */
export function meetAfterReading({ database }: Authority, model: string, count: number): void {
  const { promise, resolve } = Promise.withResolvers<void>()
  const read = database.all.bind(database)
  let readers = 0
  const all: typeof database.all = async (sql, ...parameters) => {
    const rows = await read(sql, ...parameters)
    if (!sql.includes('SELECT payload, consumed_at') || parameters[0] !== model) return rows as never
    readers += 1
    if (readers === count) resolve()
    if (readers <= count) await promise
    return rows as never
  }
  Object.assign(database, { all })
}
