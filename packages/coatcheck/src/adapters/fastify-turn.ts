import type { FastifyReply } from 'fastify'
import type { MaybePromise } from '../core/maybe-promise.ts'
import type { OpenedSession } from '../http/opened-session.ts'
import type { Sessions } from '../http/sessions.ts'
import { withHeaders } from './error-headers.ts'
import { describesBody, sendProblem } from './prepared-response.ts'
import type { GateOptions } from './response-gate.ts'

/** What happens to a session of one request when Fastify's response leaves, fails or ends. */
export class FastifyTurn<D> implements GateOptions {
  readonly #sessions: Sessions<D>
  readonly #opened: OpenedSession<D>
  readonly #reply: FastifyReply

  constructor(sessions: Sessions<D>, opened: OpenedSession<D>, reply: FastifyReply) {
    this.#sessions = sessions
    this.#opened = opened
    this.#reply = reply
  }

  finish(): MaybePromise<void> {
    return this.#opened.finish(this.#reply.raw.statusCode)
  }

  fail(error: unknown): void {
    try {
      // Nothing has been sent, so that the reply must have been hijacked.
      if (this.#reply.sent) this.#answer(error)
      else this.#pass(error)
    } catch (failure) {
      this.#reply.log.error({ err: failure }, 'The response to a failed commit failed too.')
      this.#reply.raw.destroy()
    }
  }

  close(): void {
    this.#opened.close()
  }

  /** To Fastify's error handlers. The reply holds headers of its own until it is sent. */
  #pass(error: unknown): void {
    const reply = this.#reply
    for (const name of Object.keys(reply.getHeaders())) {
      if (describesBody(name)) reply.removeHeader(name)
    }
    reply.send(withHeaders(error, this.#sessions))
  }

  #answer(error: unknown): void {
    this.#reply.log.error({ err: error }, 'The session of a hijacked reply could not be committed.')
    sendProblem(this.#reply.raw, error, this.#sessions.http)
  }
}
