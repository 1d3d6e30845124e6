import { BODY } from '../fixture.ts'
import type { Headers, Mode } from '../modes/mode.ts'

/** A server that listens. */
export interface Started {
  readonly mode: Mode
  readonly url: string
  readonly requests: readonly Headers[]
}

/** Throws unless it gives the right answer to who is known and to nobody else, and sets a cookie only if its mode says so. */
export async function assertAnswers({ mode, url, requests }: Started): Promise<void> {
  const { resendsCookie = false } = mode
  const [known = {}] = requests
  const answered = await fetch(url, { headers: known })
  const isRight = answered.status === 200 && (await answered.text()) === BODY
  if (!isRight) throw new Error(`${mode.name} answers wrongly.`)
  if (answered.headers.has('set-cookie') !== resendsCookie) {
    throw new Error(
      `${mode.name} ${resendsCookie ? 'sets no cookie, against what is said of it' : 'sets a cookie'}.`,
    )
  }
  if (mode.kind === 'bare' || mode.kind === 'control') return
  for (const headers of [{}, damaged(known)]) {
    const refused = await fetch(url, { headers })
    await refused.text()
    if (refused.status === 200) throw new Error(`${mode.name} lets strangers in.`)
  }
}

/** The credential with one character changed, in the middle of its last third. */
function damaged(headers: Headers): Headers {
  const change = (value: string) => {
    const at = value.length - 12
    return `${value.slice(0, at)}${value[at] === 'A' ? 'B' : 'A'}${value.slice(at + 1)}`
  }
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, change(value)]))
}
