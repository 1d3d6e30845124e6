import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What a child process can be asked; the types of both ends. */
export type Commands<C> = { [K in keyof C]: (...args: never[]) => unknown }

interface Question {
  readonly number: number
  readonly name: string
  readonly args: readonly unknown[]
}

type Reply =
  | { readonly number: number; readonly answer: unknown }
  | { readonly number: number; readonly error: string }

interface Waiting {
  resolve(answer: never): void
  reject(error: Error): void
}

/** For measuring memory, and for a million sessions in it. */
const FLAGS = ['--expose-gc', '--max-old-space-size=8192']

/** Whether processes can be tied to one core here; else the machine's scheduler places them. */
export const canPin: boolean = spawnSync('taskset', ['-c', '0,1', 'true']).status === 0

/** A Node process of its own that runs one of our modules and answers questions. */
export class Child<C extends Commands<C>> {
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #asked = 0

  constructor(module: URL) {
    const args = [...process.execArgv, ...FLAGS, fileURLToPath(module)]
    const env = { ...process.env, NODE_ENV: 'production' }
    this.#process = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env })
    this.#process.on('message', (reply: Reply) => this.#receive(reply))
    this.#process.once('exit', (code) =>
      this.#fail(new Error(`${module.pathname} stopped with code ${code}.`)),
    )
  }

  ask<K extends keyof C & string>(name: K, ...args: Parameters<C[K]>): Promise<Awaited<ReturnType<C[K]>>> {
    const number = this.#asked++
    this.#process.send({ number, name, args } satisfies Question)
    return new Promise((resolve, reject) => this.#waiting.set(number, { resolve, reject }))
  }

  /** Ties all its threads to one core. Does nothing where that cannot be done. */
  pin(core: number): void {
    if (canPin) spawnSync('taskset', ['-a', '-c', '-p', String(core), String(this.#process.pid)])
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return
    const stopped = once(this.#process, 'exit')
    this.#process.disconnect()
    await stopped
  }

  #receive(reply: Reply): void {
    const waiting = this.#waiting.get(reply.number)
    this.#waiting.delete(reply.number)
    if ('error' in reply) waiting?.reject(new Error(reply.error))
    else waiting?.resolve(reply.answer as never)
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

/** In the child: answers what the parent asks, one question after the other; stops with `close` when the parent is done. */
export function answerQuestions<C extends Commands<C>>(commands: C, close: () => Promise<void>): void {
  let last = Promise.resolve()
  process.on('message', (question: Question) => {
    last = last.then(() => reply(commands, question))
  })
  process.once('disconnect', () => {
    close().then(
      () => process.exit(0),
      (error) => {
        console.error(error)
        process.exit(1)
      },
    )
  })
}

async function reply<C extends Commands<C>>(commands: C, { number, name, args }: Question): Promise<void> {
  const send = (message: Reply) => process.send?.(message)
  try {
    const run = commands[name as keyof C] as unknown as (...args: readonly unknown[]) => unknown
    send({ number, answer: await run(...args) })
  } catch (error) {
    send({ number, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
}
