import type { Session } from 'coatcheck'
import { createContext } from 'react-router'
import type { SessionData } from './sessions.server.ts'

/** The session of the request, in loaders, actions and middleware: `context.get(sessionContext)`. */
export const sessionContext = createContext<Session<SessionData>>()
