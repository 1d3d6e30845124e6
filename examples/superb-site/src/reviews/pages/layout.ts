import { type Html, html } from '../../html.ts'
import type { Addresses } from '../../one-login/addresses.ts'
import type { ReviewsSession } from '../reviews-sessions.ts'

/** What every page shows around its content. */
export interface PageContext {
  readonly session: ReviewsSession
  readonly addresses: Addresses
  /** Of this page, to come back to. */
  readonly path: string
  /** The number that the reader signs with; `null` for visitors. */
  readonly guest: number | null
}

export interface PageHead {
  readonly title: string
  /** What the form on it was sent with did not do: the title says so first. */
  readonly failed?: boolean
  readonly narrow?: boolean
}

/** A whole document. Reads the notice, so it is shown once. */
export function layout(context: PageContext, head: PageHead, content: Html): string {
  const { addresses, session } = context
  const notice = session.take('notice')
  return bareDocument(
    head.failed ? `Error: ${head.title}` : head.title,
    html`
${siteHeader(context)}
<main id="content"${head.narrow && html` class="narrow"`}>
${notice && html`<p class="notice ${notice.tone}" role="status">${notice.text}</p>`}
${content}
</main>
<footer class="site-footer">
  <p>Reviews of what <a href="${addresses.shop}/">the shop</a> sells, by whoever has a name at <a href="${addresses.accounts}/account">the accounts server</a>.</p>
  <p class="fine">Session ${session.id ?? 'not stored yet: nothing was written'}${session.userId !== null && '. It ends here when you log out there'}.</p>
</footer>`,
  )
}

/** Needs neither session nor store. */
export function bareDocument(title: string, body: Html): string {
  const page = html`<html lang="en" data-theme="auto">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Superb Reviews</title>
<link rel="stylesheet" href="/style.css">
<link rel="stylesheet" href="/shop.css">
<link rel="stylesheet" href="/reviews.css">
<link rel="icon" href="/icon.svg" type="image/svg+xml">
</head>
<body>
<a class="skip" href="#content">To the content</a>
${body}
</body>
</html>`
  return `<!doctype html>\n${page.text}\n`
}

function siteHeader({ addresses, session, path }: PageContext): Html {
  const name = session.userId === null ? null : (session.get('name') ?? 'guest')
  return html`<header class="counter">
<div class="counter-inner">
  <a class="brand" href="/">Superb Reviews</a>
  <nav aria-label="Main">
    <a href="/">Reviews</a>
    <a href="${addresses.shop}/">The shop</a>
    ${
      name === null
        ? html`<a href="/login?return=${encodeURIComponent(path)}">Sign in</a>`
        : html`<form method="post" action="/logout"><button class="link">Log out ${name}</button></form>`
    }
  </nav>
</div>
</header>`
}
