/** What a session's data may hold: exactly what survives `JSON.parse(JSON.stringify(value))`. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** The fields of a session. Treated as a value: a change makes a new object, stores never mutate one in place. */
export type JsonFields = { readonly [field: string]: Json }
