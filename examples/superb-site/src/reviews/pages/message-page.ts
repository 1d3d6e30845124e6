import { html } from '../../html.ts'
import { bareDocument, layout, type PageContext } from './layout.ts'

export function goodbyePage(context: PageContext): string {
  if (context.session.userId !== null)
    return layout(context, { title: 'You are signed in', narrow: true }, STILL_IN)
  const { shop } = context.addresses
  return layout(
    context,
    { title: 'You are logged out', narrow: true },
    html`<h1>You are logged out</h1>
<p class="lead">Here, at the accounts server and at the shop: one log-in opened them all, one log-out closes them all.</p>
<p class="actions"><a class="button" href="/">Back to the reviews</a> <a class="button quiet" href="${shop}/">To the shop</a></p>`,
  )
}

const STILL_IN = html`<h1>You are signed in</h1>
<p class="lead">Another tab has signed in meanwhile.</p>
<p class="actions"><a class="button" href="/">To the reviews</a></p>`

/** Stands alone: it must work when neither session nor store do. */
export function errorPage(
  status: number,
  { title, text }: { readonly title: string; readonly text: string },
): string {
  return bareDocument(
    title,
    html`
<header class="counter"><div class="counter-inner"><a class="brand" href="/">Superb Reviews</a></div></header>
<main id="content" class="narrow">
<article class="stub error-stub">
  <p class="stub-number" aria-hidden="true">${status}</p>
  <div class="stub-body">
    <h1>${title}</h1>
    <p>${text}</p>
    <p class="actions"><a class="button" href="/">To the reviews</a></p>
  </div>
</article>
</main>`,
  )
}
