import { countItems } from '../cart.ts'
import { type Html, html } from '../html.ts'
import type { Addresses } from '../one-login/addresses.ts'
import type { ShopSession } from '../shop-sessions.ts'
import { renderDocument } from './document.ts'

/** What every page shows around its content. */
export interface PageContext {
  readonly session: ShopSession
  /** Of the signed-in user, `null` for a visitor. */
  readonly userName: string | null
  /** The developer panel. */
  readonly panel: Html
  /** Of what the shop shares its log-in with; `null`: its accounts are its own. */
  readonly addresses: Addresses | null
}

export interface PageHead {
  readonly title: string
  /** The page's first heading. Default: the title; `null`: the content has its own. */
  readonly heading?: string | Html | null
  /** What the form on it was sent with did not do: the title says so first. */
  readonly failed?: boolean
  /** For text and forms, which are hard to read across a wide screen. */
  readonly narrow?: boolean
}

/** A whole document. Reads the notice, so it is shown once. */
export function layout(context: PageContext, head: PageHead, content: Html): string {
  const { session } = context
  const notice = session.take('notice')
  const heading = head.heading === undefined ? head.title : head.heading
  return renderDocument(
    { title: head.failed ? `Error: ${head.title}` : head.title, theme: session.get('theme') },
    html`
${siteHeader(context)}
<main id="content"${head.narrow && html` class="narrow"`}>
${notice && html`<p class="notice ${notice.tone}" role="status">${notice.text}</p>`}
${heading !== null && html`<h1>${heading}</h1>`}
${content}
</main>
<footer class="site-footer">
  <p>A shop that sells nothing and shows how <strong>coatcheck</strong> keeps sessions.</p>
  <p><a href="/preferences">Theme and currency</a> · ${others(context.addresses)}</p>
  <p class="fine">Session ${session.id ?? 'not stored yet: nothing was written'}${remaining(session)}.</p>
</footer>
${context.panel}`,
  )
}

function others(addresses: Addresses | null): Html {
  if (!addresses) return html`<a href="/lab">Attack lab</a>`
  return html`<a href="${addresses.reviews}/">Reviews</a> · <a href="${addresses.accounts}/account">Accounts server</a>`
}

function siteHeader({ session, userName, addresses }: PageContext): Html {
  const items = countItems(session.get('cart'))
  return html`<header class="counter">
<div class="counter-inner">
  <a class="brand" href="/">Superb Site</a>
  <nav aria-label="Main">
    <a href="/">Catalogue</a>
    <a href="/cart">Cart (${items})</a>
    ${addresses && html`<a class="beside" href="${addresses.reviews}/">Reviews</a>`}
    ${userName === null ? visitorMenu(addresses) : userMenu(userName)}
  </nav>
</div>
</header>`
}

function visitorMenu(addresses: Addresses | null): Html {
  if (addresses) return html`<a href="/login">Sign in</a>`
  return html`<a href="/login">Log in</a>
    <a href="/sign-up">Sign up</a>`
}

function userMenu(userName: string): Html {
  return html`<a href="/account">Your account</a>
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
