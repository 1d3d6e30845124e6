import { bareModes } from './bare.ts'
import { cacheModes } from './cache.ts'
import { coatcheckModes } from './coatcheck.ts'
import { fastifySessionModes } from './fastify-session.ts'
import { honoSessionsModes } from './hono-sessions.ts'
import { koaSessionModes } from './koa-session.ts'
import type { Mode } from './mode.ts'
import { networkModes } from './network.ts'
import { peerModes } from './peers.ts'

/** In the order in which a round takes them: bare servers first, rivals near each other. */
export const modes: readonly Mode[] = [
  ...bareModes,
  ...coatcheckModes,
  ...peerModes,
  ...fastifySessionModes,
  ...koaSessionModes,
  ...honoSessionsModes,
]

/** Every mode that a server process can be asked for. */
export const allModes: readonly Mode[] = [...new Set([...modes, ...networkModes, ...cacheModes])]
