import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { systemEnvironment } from '../../../src/core/platform.ts'
import {
  createAccessTokenVerifier,
  createKeyRing,
  jwksDocument,
  type SigningKeyRing,
  signAccessToken,
  signingKeyFile,
} from '../../../src/tokens/index.ts'
import { AUDIENCE, ISSUER } from './forge.ts'

/** What a run of signers, services and rotations has come to. */
export interface LoadOutcome {
  readonly signed: number
  readonly verified: number
  readonly rotations: number
  readonly fetches: number
  /** Reasons, or errors, of whatever was not accepted although it should have been. */
  readonly refused: readonly string[]
}

const LIFE = 1_000

/**
 * Two nodes sign and serve the JWKS, each its own ring over one file; three services verify by HTTP, with caches that lapse; the ring is
 * rotated as often as it may be. Every token is verified at once, later, and shortly before its end.
 */
export async function rotateUnderLoad(path: string, milliseconds: number): Promise<LoadOutcome> {
  const nodes = await Promise.all([1, 2].map(() => startNode(path)))
  const services = Array.from({ length: 3 }, (_, i) => service(nodes[i % 2]?.url ?? ''))
  const counts = { signed: 0, verified: 0, rotations: 0 }
  const refused: string[] = []
  const until = performance.now() + milliseconds
  const check = async (token: string) => {
    for (const wait of [0, LIFE / 2, LIFE / 2 - 100]) {
      await delay(wait)
      for (const { verify } of services) {
        const found = await verify(token)
        counts.verified++
        if (found !== null) refused.push(found)
      }
    }
  }
  const sign = async ({ ring }: Node) => {
    const checks: Promise<void>[] = []
    while (performance.now() < until) {
      const { token } = await signAccessToken(
        { issuer: ISSUER, ring, environment: systemEnvironment },
        CONTENT,
      )
      counts.signed++
      checks.push(check(token))
      await delay(5)
    }
    await Promise.all(checks)
  }
  const rotate = async ({ ring }: Node) => {
    while (performance.now() < until) {
      if ((await ring.rotate()).rotated) counts.rotations++
      await delay(50)
    }
  }
  try {
    await Promise.all(nodes.flatMap((node) => [sign(node), rotate(node)]))
  } finally {
    for (const { server } of nodes) server.close().closeAllConnections()
  }
  const fetches = nodes.reduce((sum, node) => sum + node.requests(), 0)
  return { ...counts, fetches, refused }
}

const CONTENT = { subject: 'user-1', audience: AUDIENCE, clientId: 'shop', expiresIn: LIFE + 1_000 }

interface Node {
  readonly ring: SigningKeyRing
  readonly url: string
  readonly server: Server
  requests(): number
}

async function startNode(path: string): Promise<Node> {
  const ring = createKeyRing({
    storage: signingKeyFile(path),
    longestTokenLife: '2s',
    cacheFor: '1s',
    refreshEvery: 100,
  })
  let requests = 0
  const server = createServer(async (request, response) => {
    requests++
    const { status, headers, body } = await jwksDocument(ring, request.headers['if-none-match'])
    response.writeHead(status, headers).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`
  return { ring, url, server, requests: () => requests }
}

function service(url: string) {
  // No request for the sake of an unknown kid within this time: the overlap alone must do.
  const jwks = { url, cacheFor: '1s', cooldown: '1s' } as const
  const verifier = createAccessTokenVerifier({ issuer: ISSUER, audience: AUDIENCE, jwks })
  const verify = async (token: string): Promise<string | null> => {
    try {
      const found = await verifier.verify(token)
      return found.ok ? null : found.reason
    } catch (error) {
      return String(error)
    }
  }
  return { verify }
}
