import { FRAMEWORKS, type Framework, nameOn } from '../modes/mode.ts'
import type { Results } from '../results.ts'

/** What cases on a framework are held against. */
export interface Comparison {
  /** Heading. */
  readonly title: string
  /** Names its plot's file. */
  readonly slug: string
  /** The case that the ratios of its table are to. */
  readonly reference: string
  /** Short for it. */
  readonly short: string
  /** The case of the session package that is usual there, and a short name. */
  readonly usual: { readonly name: string; readonly short: string }
  /** In which form the peers are measured. */
  readonly note: string
}

const JOSE = 'jose HS256'

export const COMPARISONS: Readonly<Record<Framework, Comparison>> = {
  'node:http': {
    title: 'node:http',
    slug: 'node-http',
    reference: JOSE,
    short: JOSE,
    usual: { name: 'iron-session', short: 'iron-session' },
    note: '"Every use written" records activity at every request; the other cases of ours at most once per session and minute, which falls outside the measured time. Signed tokens and sealed cookies cannot be ended before they run out; the cache of fast-jwt keyed by the token itself is the form that its documentation warns about.',
  },
  Express: beside('Express', {
    title: 'Express 5',
    slug: 'express',
    usual: 'express-session, MemoryStore, 10,000 sessions',
    short: 'express-session',
    note: 'express-session only reads here: `resave`, `saveUninitialized` and `rolling` are off.',
  }),
  Fastify: beside('Fastify', {
    title: 'Fastify 5',
    slug: 'fastify',
    usual: '@fastify/session, MemoryStore, 10,000 sessions',
    short: '@fastify/session',
    note: '@fastify/session only reads here: `saveUninitialized` and `rolling` are off, of which its defaults are the opposite: they save the session and send its cookie again with every answer. Its MemoryStore hands out the objects themselves and copies nothing.',
  }),
  Koa: beside('Koa', {
    title: 'Koa 3',
    slug: 'koa',
    usual: 'koa-session, signed cookie',
    short: 'koa-session',
    note: 'koa-session is used most with all of the session in a signed cookie, which its owner can read and nobody can end. It brings no store; the one here is a `Map` of the objects themselves, the least that one can do.',
  }),
  Hono: beside('Hono', {
    title: 'Hono 4',
    slug: 'hono',
    usual: 'hono-sessions, MemoryStore, 10,000 sessions',
    short: 'hono-sessions',
    note: 'hono-sessions only reads here (`autoExtendExpiration` is off), but with a store it sends its cookie again with every answer and has no option for that. Its documentation recommends to encrypt the id. Its CookieStore keeps all of the session in an encrypted cookie, which nobody can end. All of it runs on @hono/node-server.',
  }),
}

/** Next has no rows; this says why. */
export const NEXT_NOTE =
  'Next has no rows of its own: iron-session, which is usual there, does in a route handler what it does in its row on node:http, our entry for Next goes the way of the other adapters, and what Next spends on a request comes on top of both alike.'

export function measuredFrameworks({ overhead }: Pick<Results, 'overhead'>): readonly Framework[] {
  return FRAMEWORKS.filter((one) => overhead.some(({ framework }) => framework === one))
}

interface Usual extends Pick<Comparison, 'title' | 'slug' | 'short' | 'note'> {
  readonly usual: string
}

/** Ratios are to the usual package itself. */
function beside(framework: Framework, { usual, short, ...rest }: Usual): Comparison {
  const name = nameOn(framework, usual)
  return { ...rest, reference: name, short, usual: { name, short } }
}
