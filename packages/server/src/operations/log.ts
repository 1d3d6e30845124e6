import { type Logger, pino } from 'pino'
import type { Settings } from '../config/settings.ts'

/** JSON lines on standard output, without secrets: what could hold one is not logged in the first place. */
export function createLog({ logLevel }: Pick<Settings, 'logLevel'>): Logger {
  return pino({ level: logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime })
}
