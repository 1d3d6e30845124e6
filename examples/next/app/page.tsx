import Link from 'next/link'
import { nameOf } from '../lib/accounts.ts'
import { readSession } from '../lib/sessions.ts'
import { addItem, logOut } from './actions.ts'

export default async function Home() {
  const session = await readSession()
  const name = nameOf(session.userId)
  const cart = session.get('cart') ?? []
  return (
    <main>
      <h1>Shop</h1>
      {name === null ? (
        <p>
          You are not signed in. <Link href="/login">Log in</Link>
        </p>
      ) : (
        <p>
          Signed in as {name}. <Link href="/account">Account</Link>
        </p>
      )}
      <h2>Cart</h2>
      <ul>
        {cart.map((item, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: items have no name of their own, and none moves
          <li key={index}>{item}</li>
        ))}
      </ul>
      <form action={addItem}>
        <label>
          Item <input name="item" required maxLength={100} />
        </label>{' '}
        <button type="submit">Add</button>
      </form>
      {name !== null && (
        <form action={logOut}>
          <button type="submit">Log out</button>
        </form>
      )}
    </main>
  )
}
