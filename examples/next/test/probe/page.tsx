import { readSession } from '../../lib/sessions.ts'
import {
  logInAndStay,
  logInAndThrow,
  logInAsAda,
  logOutAndStay,
  writeAndMiss,
  writeAndThrow,
} from './actions.ts'

const ACTIONS = { logInAsAda, logInAndStay, logInAndThrow, logOutAndStay, writeAndMiss, writeAndThrow }

export default async function Probe() {
  const [session, again] = await Promise.all([readSession(), readSession()])
  return (
    <main>
      <output>
        {JSON.stringify({ userId: session.userId, cart: session.get('cart'), once: session === again })}
      </output>
      {Object.entries(ACTIONS).map(([name, action]) => (
        <form key={name} action={action}>
          <button type="submit">{name}</button>
        </form>
      ))}
    </main>
  )
}
