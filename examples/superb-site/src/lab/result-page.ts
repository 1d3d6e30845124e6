import { type Html, html } from '../html.ts'
import { layout, type PageContext } from '../pages/layout.ts'
import type { Entry } from '../panel/entry.ts'
import type { Step } from './bench.ts'
import { explanation } from './lab-page.ts'
import type { Result } from './runner.ts'
import type { ShownExchange } from './show-exchange.ts'

/** More exchanges of one step than this are the same over and over. */
const MOST_SHOWN = 3

export function resultPage(context: PageContext, results: readonly Result[]): string {
  const [only] = results
  const title = results.length === 1 && only ? only.attack.title : 'All attacks'
  return layout(
    context,
    { title },
    html`
<link rel="stylesheet" href="/lab.css">
${results.length === 1 && only ? whole(only) : [summary(results), results.map(folded)]}
<p class="actions"><a class="button" href="/lab">Back to the lab</a></p>`,
  )
}

function summary(results: readonly Result[]): Html {
  const held = results.filter(({ verdict }) => verdict.held).length
  const text =
    held === results.length
      ? `All ${held} attacks failed.`
      : `NOT all attacks failed: ${results.length - held} of ${results.length} did not.`
  return html`<p class="lab-verdict ${held === results.length ? 'lab-held' : 'lab-broken'}" role="status">${text}</p>`
}

function whole({ attack, verdict, steps }: Result): Html {
  return html`
<p class="lab-promise">${attack.promise}</p>
${verdictLine(verdict.held, verdict.text)}
${explanation(attack)}
<h2 class="lab-heading">Step by step</h2>
<ol class="lab-steps">${steps.map(step)}</ol>
<form method="post" action="/lab"><input type="hidden" name="attack" value="${attack.id}"><button class="button quiet">Run it again</button></form>`
}

function folded({ attack, verdict, steps }: Result): Html {
  return html`
<details class="lab-folded"${!verdict.held && html` open`}>
<summary><span class="lab-folded-title">${attack.title}</span> <span class="lab-mark ${verdict.held ? 'lab-held' : 'lab-broken'}">${verdict.text}</span></summary>
<p class="lab-promise">${attack.promise}</p>
${explanation(attack)}
<h2 class="lab-heading">Step by step</h2>
<ol class="lab-steps">${steps.map(step)}</ol>
</details>`
}

function verdictLine(held: boolean, text: string): Html {
  return html`<p class="lab-verdict ${held ? 'lab-held' : 'lab-broken'}" role="status">${text}</p>`
}

function step({ title, exchanges, log }: Step): Html {
  const more = exchanges.length - MOST_SHOWN
  return html`
<li class="lab-step">
<h3>${title}</h3>
${exchanges.slice(0, MOST_SHOWN).map(exchange)}
${more > 0 && html`<p class="lab-more">… and ${more} more of the same kind.</p>`}
${log.length > 0 && html`<div class="lab-log"><h4>What the shop’s log says</h4><ul>${log.slice(0, MOST_SHOWN).map(logLine)}</ul></div>`}
</li>`
}

function exchange({ sent, received }: ShownExchange): Html {
  return html`
<div class="lab-exchange">
<div><h4>Sent</h4><pre tabindex="0">${sent.join('\n')}</pre></div>
<div><h4>Came back</h4><pre tabindex="0">${received.join('\n')}</pre></div>
</div>`
}

function logLine({ tone, title, text }: Entry): Html {
  return html`<li class="lab-log-${tone}"><strong>${title}</strong> ${text}</li>`
}
