import { rmSync } from 'node:fs'
import { type SessionServer, startSessionServer } from '../../src/session-server.ts'
import { temporaryDirectory } from '../shop-process.ts'

export const CAROL = { name: 'carol', password: 'umbrella-stand' }
export const DAVE = { name: 'dave', password: 'lost-and-found' }

/** The accounts server and the applications around it, as `npm start` runs them, in this process and on free ports. */
export interface OneLoginStage extends SessionServer {
  readonly directory: string
}

export async function openOneLoginStage(directory = temporaryDirectory().path): Promise<OneLoginStage> {
  const running = await startSessionServer({ dataDirectory: directory, port: 0 })
  return { ...running, directory }
}

export async function closeOneLoginStage({ stop, directory }: OneLoginStage): Promise<void> {
  await stop()
  rmSync(directory, { recursive: true, force: true })
}
