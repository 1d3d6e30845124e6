import type { Session } from 'coatcheck'
import { type Html, html } from '../html.ts'
import type { ShopData } from '../shop-sessions.ts'

export type ShopSession = Session<ShopData>

/** What every page shows around its content. */
export interface PageContext {
  readonly session: ShopSession
  /** Of the signed-in user, `null` for a visitor. */
  readonly userName: string | null
}

/** A whole document. Reads the notice, so it is shown once. */
export function layout({ session, userName }: PageContext, title: string, content: Html): string {
  const notice = session.take('notice')
  const items = session.get('cart').reduce((sum, { quantity }) => sum + quantity, 0)
  return `<!doctype html>\n${
    html`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Superb Site</title>
<link rel="stylesheet" href="/style.css">
<link rel="icon" href="/icon.svg" type="image/svg+xml">
</head>
<body>
<a class="skip" href="#content">To the content</a>
<header>
  <a class="brand" href="/">Superb Site</a>
  <nav aria-label="Main">
    <a href="/cart">Cart (${items})</a>
    ${userName === null ? visitorMenu : userMenu(userName)}
  </nav>
</header>
<main id="content">
${notice && html`<p class="notice ${notice.tone}" role="status">${notice.text}</p>`}
<h1>${title}</h1>
${content}
</main>
<footer>
  <p>Session ${session.id ?? 'not stored yet: nothing was written'}${remaining(session)}.</p>
</footer>
</body>
</html>`.text
  }\n`
}

const visitorMenu = html`<a href="/login">Log in</a>`

function userMenu(userName: string): Html {
  return html`<a href="/devices">Your devices</a>
    <form method="post" action="/logout"><button class="link">Log out ${userName}</button></form>`
}

function remaining({ remaining: left }: ShopSession): string {
  if (!left) return ''
  return `, ${duration(left.idle)} if idle, ${duration(left.absolute)} in all`
}

function duration(milliseconds: number): string {
  const minutes = Math.round(milliseconds / 60_000)
  if (minutes < 120) return `${minutes} min`
  return minutes < 2 * 1_440 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1_440)} days`
}
