import { type Html, html } from '../html.ts'
import type { Theme } from '../preferences.ts'
import { renderDocument } from './document.ts'

export interface ErrorText {
  readonly title: string
  readonly text: string
  /** What to do now. */
  readonly advice: string
  readonly link?: { readonly href: string; readonly text: string }
}

/** Stands alone: it must work when neither session nor store do. */
export function errorPage(
  status: number,
  { title, text, advice, link }: ErrorText,
  { theme, panel }: { readonly theme: Theme; readonly panel: Html },
): string {
  return renderDocument(
    { title, theme },
    html`
<header class="counter"><div class="counter-inner"><a class="brand" href="/">Superb Site</a></div></header>
<main id="content" class="narrow">
<article class="stub error-stub">
  <p class="stub-number" aria-hidden="true">${status}</p>
  <div class="stub-body">
    <h1>${title}</h1>
    <p>${text}</p>
    <p>${advice}</p>
    <p class="actions">${link && html`<a class="button" href="${link.href}">${link.text}</a>`}<a class="${link ? 'button quiet' : 'button'}" href="/">Back to the shop</a></p>
    <p class="fine">Error ${status}</p>
  </div>
</article>
</main>
${panel}`,
  )
}
