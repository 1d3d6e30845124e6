import { fileURLToPath } from 'node:url'

export interface Settings {
  readonly port: number
  readonly host: string
  readonly dataDirectory: string
  /** Of the session server; the next four are those of its administration, its pages, the shop there and the reviews. `null`: none of them is started. */
  readonly serverPort: number | null
}

/**
 * From `PORT` (default 3000), `HOST` (default localhost), `DATA_DIR` (default `data/` of the project) and `SERVER_PORT` (default
 * 4000, or `off`).
 */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  return {
    port: readPort('PORT', environment.PORT, 3000),
    host: environment.HOST || 'localhost',
    dataDirectory: environment.DATA_DIR || fileURLToPath(new URL('../../../data', import.meta.url)),
    serverPort:
      environment.SERVER_PORT === 'off' ? null : readPort('SERVER_PORT', environment.SERVER_PORT, 4000),
  }
}

function readPort(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined || text === '') return fallback
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new Error(`${name} must be a number from 0 to 65535, not '${text.slice(0, 40)}'.`)
}
