import { Form, Link } from 'react-router'
import { nameOf } from '../accounts.server.ts'
import { sessionContext } from '../session-context.ts'
import type { Route } from './+types/home'

export function loader({ context }: Route.LoaderArgs) {
  const session = context.get(sessionContext)
  return { name: nameOf(session.userId), cart: session.get('cart') ?? [] }
}

export default function Home({ loaderData: { name, cart } }: Route.ComponentProps) {
  return (
    <>
      <title>Shop</title>
      <h1>Shop</h1>
      {name === null ? (
        <p>
          You are not signed in. <Link to="/login">Log in</Link>
        </p>
      ) : (
        <p>
          Signed in as {name}. <Link to="/account">Account</Link>
        </p>
      )}
      <h2>Cart</h2>
      <ul>
        {[...cart.entries()].map(([index, item]) => (
          <li key={index}>{item}</li>
        ))}
      </ul>
      <Form method="post" action="/cart">
        <label>
          Item <input name="item" required maxLength={100} />
        </label>{' '}
        <button type="submit">Add</button>
      </Form>
      {name !== null && (
        <Form method="post" action="/logout">
          <button type="submit">Log out</button>
        </Form>
      )}
    </>
  )
}
