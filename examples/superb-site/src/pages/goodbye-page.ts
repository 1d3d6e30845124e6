import { html } from '../html.ts'
import { layout, type PageContext } from './layout.ts'

/** After a logout. It needs no session, so none is made and the browser keeps no cookie of one. */
export function goodbyePage(context: PageContext): string {
  if (context.userName !== null)
    return layout(context, { title: 'You are logged in', narrow: true }, STILL_IN)
  return layout(
    context,
    { title: 'You are logged out', narrow: true },
    html`
<p class="lead">The session has ended on the server, and the server refuses its token from now on. Your browser has forgotten it.</p>
${context.addresses && html`<p>So have the sessions at the accounts server and at <a href="${context.addresses.reviews}/">the reviews</a>.</p>`}
<p class="actions"><a class="button" href="/">Back to the catalogue</a> <a class="button quiet" href="/login">Log in again</a></p>`,
  )
}

const STILL_IN = html`<p class="lead">Another tab has logged in meanwhile.</p>
<p class="actions"><a class="button" href="/account">Your account</a></p>`
