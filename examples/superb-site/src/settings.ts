import { fileURLToPath } from 'node:url'

export interface Settings {
  readonly port: number
  readonly host: string
  readonly dataDirectory: string
}

/** From `PORT` (default 3000), `HOST` (default localhost) and `DATA_DIR` (default `data/` of the project). */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  return {
    port: readPort(environment.PORT),
    host: environment.HOST || 'localhost',
    dataDirectory: environment.DATA_DIR || fileURLToPath(new URL('../../../data', import.meta.url)),
  }
}

function readPort(text: string | undefined): number {
  if (text === undefined || text === '') return 3000
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new Error(`PORT must be a number from 0 to 65535, not '${text.slice(0, 40)}'.`)
}
