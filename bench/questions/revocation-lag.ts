// Question: how long after `revoke()` has resolved on one node does another one still let the session in?
import { randomBytes } from 'node:crypto'
import { Child } from '../process/child.ts'
import { type EngineName, startEngine } from '../process/engine.ts'
import type { NodeCommands } from '../process/node.ts'
import type { LagCase } from '../results.ts'

/** Two processes over one server; each session is logged in on the one and in the near cache of the other when it is ended. */
export async function measureLag(engine: EngineName, count: number): Promise<LagCase> {
  const server = await startEngine(engine, {})
  const key = randomBytes(32).toString('base64url')
  const nodes = [startNode(), startNode()] as const
  try {
    for (const node of nodes) await node.ask('open', engine, { url: server.url, key })
    const [ending, validating] = nodes
    const lags: number[] = []
    const pings: number[] = []
    for (let i = 0; i < count; i++) {
      const { id, token } = await ending.ask('logIn')
      await validating.ask('watch', token)
      const ended = await ending.ask('revoke', id)
      const refused = await validating.ask('refusal')
      lags.push(Math.max(0, refused - ended))
      pings.push(await ending.ask('ping'))
    }
    return { engine, lags, pings }
  } finally {
    await Promise.all(nodes.map((node) => node.stop()))
    await server.stop()
  }
}

function startNode(): Child<NodeCommands> {
  return new Child(new URL('../process/node.ts', import.meta.url))
}
