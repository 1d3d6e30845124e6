import { AccessError, type CoatcheckError, isCoatcheckError } from '../core/errors.ts'
import { type StepUp, stepUpHints } from '../core/step-up-hints.ts'
import type { HttpSettings } from './http-options.ts'
import { NONCE_HEADER, type ProofRefusedError } from './request-proof.ts'

/** An error as a response (RFC 9457), where no framework makes one. */
export interface Problem {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** `ERR_STEP_UP_REQUIRED` that tells the client what it takes. */
export class StepUpError extends AccessError {
  readonly stepUp: StepUp

  constructor(stepUp: StepUp) {
    super('ERR_STEP_UP_REQUIRED', 'Prove who you are again to do this.')
    this.stepUp = stepUp
  }
}

/**
 * Whether `error` is an expected refusal of ours that is answered with its own status: everything but wrong use of the
 * library, which is a fault of the server (500) that somebody has to be told about.
 */
export function isRefusal(error: unknown): error is CoatcheckError {
  return isCoatcheckError(error) && error.status !== 500
}

/** The HTTP status that an error is answered with. */
export function statusOf(error: unknown): number {
  return isRefusal(error) ? error.status : 500
}

/**
 * The response for an error: a refusal of ours with its status and, where the fault is the client's, its message;
 * anything else a bare 500. No cause, no stack, nothing that a foreign error says (HDR-07).
 */
export function toProblem(error: unknown, http: Challenging): Problem {
  const status = statusOf(error)
  const details = isRefusal(error) && error.expose ? { detail: error.message, code: error.code } : {}
  return {
    status,
    headers: {
      ...errorHeaders(error, http),
      'cache-control': 'no-store',
      'content-type': 'application/problem+json',
      'x-content-type-options': 'nosniff',
    },
    body: JSON.stringify({ type: 'about:blank', title: TITLES[status] ?? 'Error', status, ...details }),
  }
}

/** The headers that belong to an error whatever its body: `WWW-Authenticate` on a 401, `Retry-After` on a 503. */
export function errorHeaders(error: unknown, http: Challenging): Readonly<Record<string, string>> {
  if (!isRefusal(error)) return {}
  if ('responseHeaders' in error) return error.responseHeaders as Readonly<Record<string, string>>
  if (error.status === 503) return { 'retry-after': RETRY_AFTER_SECONDS }
  if (error.status !== 401) return {}
  const nonce = isAboutProof(error) ? error.nonce : null
  return {
    'www-authenticate': challenge(error, http),
    ...(nonce === null ? {} : { [NONCE_HEADER]: nonce }),
  }
}

/** What a 401 may ask for. */
export type Challenging = Pick<HttpSettings, 'transports' | 'binding'>

/** An outage of a store is over in seconds or in much longer than anybody waits. */
const RETRY_AFTER_SECONDS = '5'

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  409: 'Conflict',
  413: 'Content Too Large',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

/** A 401 must name a scheme (RFC 9110, 15.5.2). No scheme is registered for cookies; browsers pass over unknown ones. */
function challenge(error: CoatcheckError, { transports, binding }: Challenging): string {
  const hints = hintsOf(error)
  const dpop = binding
    ? challengeOf('DPoP', [...hints, `algs="${binding.proofs.algorithms.join(' ')}"`])
    : null
  // Whoever has sent a proof is told about that alone (RFC 9449, 7.1).
  if (dpop !== null && (binding?.policy === 'require' || isAboutProof(error))) return dpop
  const plain = challengeOf(transports.includes('bearer') ? 'Bearer' : 'Cookie', hints)
  return dpop === null ? plain : `${dpop}, ${plain}`
}

function isAboutProof(error: CoatcheckError): error is ProofRefusedError {
  return error.code === 'ERR_DPOP_PROOF' && 'proofError' in error
}

function challengeOf(scheme: string, hints: readonly string[]): string {
  return hints.length === 0 ? scheme : `${scheme} ${hints.join(', ')}`
}

function hintsOf(error: CoatcheckError): readonly string[] {
  if (isAboutProof(error)) return [`error="${error.proofError}"`]
  if (error.code !== 'ERR_STEP_UP_REQUIRED') return []
  return stepUpHints('stepUp' in error ? (error.stepUp as StepUp) : { maxAge: null, level: null })
}
