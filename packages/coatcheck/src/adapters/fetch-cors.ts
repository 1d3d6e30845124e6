import { type Cors, type HeaderRecord, setCorsHeaders } from '../http/cors.ts'
import { FetchResponseHeaders } from './fetch-exchange.ts'

/**
 * Runs `handler` unless the request is a preflight, which is answered here (204), and puts the headers of `createCors` on its
 * response, also on one that it throws. Goes around `withSession`: preflights carry no cookie.
 */
export async function withCors(
  cors: Cors,
  request: Request,
  handler: () => Response | Promise<Response>,
): Promise<Response> {
  const { isPreflight, headers } = answerCors(cors, request)
  if (isPreflight) return new Response(null, { status: 204, headers })
  try {
    return withHeaders(await handler(), headers)
  } catch (error) {
    throw error instanceof Response ? withHeaders(error, headers) : error
  }
}

export function answerCors(cors: Cors, { method, headers }: Request) {
  return cors.answer({ method, header: (name) => headers.get(name) ?? undefined })
}

/** The response with these headers; another one where its own may be a constant. */
export function withHeaders(response: Response, headers: HeaderRecord): Response {
  const target = new FetchResponseHeaders()
  target.prepare(response)
  setCorsHeaders(target, headers)
  return target.take()
}
