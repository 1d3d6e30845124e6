/** A connection of a Cluster. */
interface Node {
  asking(...args: unknown[]): Promise<unknown>
}

interface Cluster {
  readonly isCluster: true
  nodes(role: 'all'): Node[]
  on(event: '+node', listener: (node: Node) => void): unknown
}

const seenTo = new WeakSet<object>()

/**
 * Before a command that follows a slot on its way, ioredis sends ASKING and does not mind the answer. Where that connection is
 * lost just then, nobody takes the rejection, and Node ends the process. The command itself is rejected to who asked for it.
 */
export function takeRejectionsOfAsking(client: object): void {
  if (!isCluster(client) || seenTo.has(client)) return
  seenTo.add(client)
  for (const node of client.nodes('all')) seeTo(node)
  client.on('+node', seeTo)
}

function seeTo(node: Node): void {
  const { asking } = node
  node.asking = (...args) => {
    const answer = asking.apply(node, args)
    answer.catch(() => {})
    return answer
  }
}

function isCluster(client: object): client is Cluster {
  const { isCluster: is, nodes } = client as Partial<Cluster>
  return is === true && typeof nodes === 'function'
}
