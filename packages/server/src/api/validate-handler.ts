import { Buffer } from 'node:buffer'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { requireApiKey } from 'coatcheck/node'
import type { VerifiedApiKey } from 'coatcheck/tokens'
import type { Authority } from '../authority.ts'
import type { NodeHandler } from '../http/listeners.ts'
import {
  apiHeaders,
  INTERNAL,
  isLoadedByPage,
  NOT_FOR_PAGES,
  ProblemError,
  sendProblem,
  toProblem,
} from '../http/problem.ts'
import { trustedProxies } from '../http/trusted-proxies.ts'
import { noteSession } from '../operations/request-notes.ts'
import { isJsonType, MAX_BODY, NOT_JSON, parseJson, TOO_LARGE } from './json-body.ts'
import { toMistakes } from './mistakes.ts'
import { ValidateRequest } from './schemas.ts'
import { admitService } from './service-key.ts'
import { VALIDATION } from './service-rate.ts'
import { validate } from './visit.ts'

export const VALIDATE_PATH = '/v1/sessions/validate'

/** `POST /v1/sessions/validate` on Node's own objects: as the other routes answer, at a fraction of the cost. `false`: not for it. */
export function validateHandler(authority: Authority): (...exchange: Parameters<NodeHandler>) => boolean {
  const { apiKeys, settings, log } = authority
  const headers = Object.entries(apiHeaders(authority))
  const onError = (error: unknown) => log.error({ err: error }, 'validation failed')
  const guard = requireApiKey(apiKeys, {
    scopes: ['sessions:validate'],
    trustProxy: trustedProxies(settings),
    onError,
  })
  const answer = async (request: IncomingMessage, response: ServerResponse, key: VerifiedApiKey) => {
    try {
      admitService(authority, key, VALIDATION)
      const judging = validate(authority, look(await readBody(request)))
      const verdict = judging instanceof Promise ? await judging : judging
      if (verdict.valid) noteSession(response, verdict.session.id)
      send(response, JSON.stringify(verdict))
    } catch (error) {
      const problem = toProblem(error)
      if (problem === null) onError(error)
      // Nobody reads the rest of a body that is refused.
      if (!request.complete) response.setHeader('connection', 'close')
      sendProblem(response, problem ?? INTERNAL)
    }
  }
  return (request, response) => {
    if (request.url !== VALIDATE_PATH || request.method !== 'POST') return false
    for (const [name, value] of headers) response.setHeader(name, value)
    if (isLoadedByPage(request.headers['sec-fetch-dest'] as string | undefined)) {
      sendProblem(response, NOT_FOR_PAGES)
    } else void guard(request, response, (key) => answer(request, response, key))
    return true
  }
}

function look(text: string) {
  const parsed = ValidateRequest.safeParse(parseJson(text))
  if (parsed.success) return parsed.data
  throw new ProblemError(toMistakes(parsed.error))
}

function send(response: ServerResponse, text: string): void {
  response.setHeader('content-type', 'application/json; charset=utf-8')
  response.setHeader('content-length', Buffer.byteLength(text))
  response.end(text)
}

/** The whole body; one that is too long is not read to its end. */
function readBody(request: IncomingMessage): Promise<string> {
  if (!isJsonType(request.headers['content-type'])) throw new ProblemError(NOT_JSON)
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY) throw new ProblemError(TOO_LARGE)
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > MAX_BODY) {
        request.pause()
        reject(new ProblemError(TOO_LARGE))
      } else chunks.push(chunk)
    })
    request.on('end', () => resolve(Buffer.concat(chunks).toString()))
    request.on('error', reject)
  })
}
