import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { CookieJar } from 'coatcheck/testing'
import { PageVisitor } from '../helpers/page-visitor.ts'
import type { ServerProcess } from '../helpers/server-process.ts'

const CALLBACK = 'https://shop.example/callback'
export const APPLICATION = {
  ...{ id: 'shop', name: 'The shop', kind: 'public', trusted: true, redirectUris: [CALLBACK] },
}

interface Issued {
  readonly access_token: string
  readonly refresh_token: string
}

interface Refused {
  readonly error: string
}

/** A user who is let in at an application again and again, and refreshes: what is not answered is tried again at the other server. */
export class Journey {
  /** The cookie header of the newest login. */
  cookie = ''
  /** The token that has not been used, as far as the application knows. */
  newest = ''
  /** Codes that were redeemed, and tokens whose successor has been used. */
  readonly used: { readonly code?: string; readonly verifier?: string; readonly token?: string }[] = []
  /** What must not happen. */
  readonly wrong: string[] = []
  done = 0
  retried = 0
  readonly #servers: () => readonly ServerProcess[]
  readonly #name: string
  readonly #password: string
  #turn: number

  constructor(servers: () => readonly ServerProcess[], name: string, password: string, turn: number) {
    this.#servers = servers
    this.#name = name
    this.#password = password
    this.#turn = turn
  }

  /** A login, a code, and three refreshes. */
  async round(): Promise<void> {
    if (this.cookie === '' || this.done % 5 === 4) await this.#logIn()
    const issued = await this.#letIn()
    let before = ''
    let { refresh_token: token } = issued
    for (let refresh = 0; refresh < 3; refresh++) {
      const next = await this.refresh(token)
      if ('error' in next) {
        this.wrong.push(`a refresh was refused: ${next.error}`)
        break
      }
      if (before !== '') this.used.push({ token: before })
      before = token
      token = next.refresh_token
    }
    this.newest = token
    this.done++
  }

  refresh(token: string): Promise<Issued | Refused> {
    return this.#atEither((server) => ask(server, { grant_type: 'refresh_token', refresh_token: token }))
  }

  redeem(code: string, verifier: string): Promise<Issued | Refused> {
    const form = {
      ...{ grant_type: 'authorization_code', redirect_uri: CALLBACK },
      ...{ code, code_verifier: verifier },
    }
    return this.#atEither((server) => ask(server, form))
  }

  /** The code that the browser brings to the application; `null` where the user was to sign in. */
  async authorize(verifier: string): Promise<string | null> {
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    const query = new URLSearchParams({
      ...{ client_id: APPLICATION.id, response_type: 'code', redirect_uri: CALLBACK, scope: 'openid' },
      ...{ code_challenge: challenge, code_challenge_method: 'S256', prompt: 'none' },
    })
    const answer = await this.#atEither((server) => this.#visit(server).get(`/oauth/authorize?${query}`))
    return new URL(answer.location ?? 'https://none.example').searchParams.get('code')
  }

  async #letIn(): Promise<Issued> {
    for (;;) {
      const verifier = randomBytes(32).toString('base64url')
      const code = await this.authorize(verifier)
      if (code === null) {
        this.wrong.push('somebody who has not signed out was to sign in again')
        await this.#logIn()
        continue
      }
      const retried = this.retried
      const issued = await this.redeem(code, verifier)
      if (!('error' in issued)) {
        this.used.push({ code, verifier })
        return issued
      }
      // A code whose answer was lost may be used up: then the application asks for another one, and the user sees nothing of it.
      if (this.retried === retried) this.wrong.push(`a code was refused: ${issued.error}`)
    }
  }

  async #logIn(): Promise<void> {
    await this.#atEither(async (server) => {
      const visitor = new PageVisitor(server.publicAddress)
      const { status } = await visitor.login(this.#name, this.#password)
      if (status !== 303) this.wrong.push(`a login was answered ${status}`)
      this.cookie = visitor.jar.header
    })
  }

  #visit(server: ServerProcess): PageVisitor {
    const visitor = new PageVisitor(server.publicAddress)
    visitor.jar = new CookieJar()
    visitor.jar.receive(this.cookie.split('; '))
    return visitor
  }

  async #atEither<T>(attempt: (server: ServerProcess) => Promise<T>): Promise<T> {
    for (;;) {
      const servers = this.#servers()
      const server = servers[this.#turn++ % servers.length] as ServerProcess
      try {
        return await attempt(server)
      } catch (error) {
        // `fetch` found nobody there, or lost the answer.
        if (!(error instanceof TypeError)) throw error
        this.retried++
        await pause(20)
      }
    }
  }
}

async function ask(server: ServerProcess, form: Record<string, string>): Promise<Issued | Refused> {
  const body = new URLSearchParams({ client_id: APPLICATION.id, ...form })
  const response = await fetch(`${server.publicAddress}/oauth/token`, { method: 'POST', body })
  return (await response.json()) as Issued | Refused
}
