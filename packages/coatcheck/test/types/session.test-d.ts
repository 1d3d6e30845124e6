// biome-ignore-all lint/complexity/noUselessLoneBlockStatements: each block is one test of types
import { createSessions, field, type Session, type SessionId } from 'coatcheck'
import { memory } from 'coatcheck/memory'
import { expectTypeOf } from 'vitest'
import { z } from 'zod'

const sessions = createSessions({
  store: memory(),
  data: {
    cart: field(z.array(z.object({ sku: z.string(), count: z.number() })), { default: [], carry: true }),
    theme: z.enum(['light', 'dark']),
    visits: field(z.number(), { default: 0 }),
    hits: z.number(),
    profile: field(z.object({ tags: z.array(z.string()) }), { carry: true }),
  },
})
declare const session: ReturnType<typeof sessions.of>

// get answers what the definition says: a default makes a field present, everything is frozen all the way down.
{
  expectTypeOf(session.get('theme')).toEqualTypeOf<'light' | 'dark' | undefined>()
  expectTypeOf(session.get('visits')).toEqualTypeOf<number>()
  expectTypeOf(session.get('hits')).toEqualTypeOf<number | undefined>()
  expectTypeOf(session.get('cart')).toEqualTypeOf<
    readonly { readonly sku: string; readonly count: number }[]
  >()
  expectTypeOf(session.get('profile')).toEqualTypeOf<{ readonly tags: readonly string[] } | undefined>()
  expectTypeOf(session.take('theme')).toEqualTypeOf<'light' | 'dark' | undefined>()
  // @ts-expect-error no such field is declared
  session.get('basket')
  // @ts-expect-error a frozen list has no push
  session.get('cart').push({ sku: 'hat', count: 1 })
  const first = session.get('cart')[0]
  // @ts-expect-error a frozen item cannot be assigned to
  if (first) first.count = 2
}

// set takes what get answers, and nothing else.
{
  session.set('theme', 'dark')
  session.set('cart', session.get('cart'))
  session.set('cart', [...session.get('cart'), { sku: 'hat', count: 1 }])
  // @ts-expect-error not one of the two themes
  session.set('theme', 'blue')
  // @ts-expect-error a field is removed by delete, not by undefined
  session.set('theme', undefined)
  // @ts-expect-error no such field is declared
  session.set('basket', [])
  // @ts-expect-error an item without its count
  session.set('cart', [{ sku: 'hat' }])
}

// add is for numbers, append and remove for lists, with or without a default.
{
  session.add('visits', 1)
  session.add('hits', 1)
  session.append('cart', { sku: 'hat', count: 1 })
  session.remove('cart', { sku: 'hat', count: 1 })
  // @ts-expect-error a theme is no number
  session.add('theme', 1)
  // @ts-expect-error a number is no list
  session.append('visits', 1)
  // @ts-expect-error the item of another list
  session.append('cart', 'hat')
  // @ts-expect-error an object is no list
  session.append('profile', 'tag')
  // @ts-expect-error an amount is a number
  session.add('visits', '1')
}

// update is given the frozen value and answers the next one.
{
  session.update('visits', (visits) => visits + 1)
  session.update('cart', (cart) => cart.filter(({ count }) => count > 0))
  session.update('hits', (hits) => (hits ?? 0) + 1)
  // @ts-expect-error a field without a default may be undefined
  session.update('hits', (hits) => hits + 1)
  // @ts-expect-error a number answers for a list
  session.update('cart', () => 1)
  // @ts-expect-error the function must not be asynchronous
  session.update('visits', async (visits) => visits + 1)
}

// Fields are no properties of the session, and what it tells about itself cannot be assigned.
{
  expectTypeOf(session.userId).toEqualTypeOf<string | null>()
  expectTypeOf(session.id).toEqualTypeOf<SessionId | null>()
  // @ts-expect-error fields are written with set
  session.theme = 'dark'
  // @ts-expect-error only login makes somebody signed in
  session.userId = 'ada'
  // @ts-expect-error there is no such property
  session.user
  expectTypeOf(session.commit()).resolves.toEqualTypeOf<'ok' | 'gone' | 'nothing'>()
}

// login knows the fields, too.
{
  expectTypeOf(
    session.login('ada', { data: { theme: 'dark' }, carry: ['cart', 'theme'], remember: true }),
  ).resolves.toEqualTypeOf<{
    readonly token: string | null
  }>()
  // @ts-expect-error not one of the two themes
  session.login('ada', { data: { theme: 'blue' } })
  // @ts-expect-error no such field is declared
  session.login('ada', { carry: ['basket'] })
  // @ts-expect-error a user id is text
  session.login(7)
  // @ts-expect-error minutes are spelled m
  session.isFresh('5 min')
  // @ts-expect-error minutes are spelled m
  session.assertFresh('5min')
}

// A type stands in for a definition, and without both any JSON goes.
{
  interface Fields {
    theme?: 'light' | 'dark'
    visits: number
  }
  const typed = createSessions<Fields>({ store: memory() })
  const own = typed.of({})
  expectTypeOf(own.get('theme')).toEqualTypeOf<'light' | 'dark' | undefined>()
  own.add('visits', 1)
  // @ts-expect-error no such field in the type
  own.get('basket')

  const open = createSessions({ store: memory() }).of({})
  open.set('anything', [1, { two: null }])
  open.get('anything')
}

// A handler that only needs who somebody is takes the session of any application.
{
  const greet = ({ userId }: Pick<Session<unknown>, 'userId'>) => userId ?? 'stranger'
  greet(session)
}
