import { type Html, html } from '../html.ts'
import { layout, type PageContext } from '../pages/layout.ts'
import type { Attack } from './attack.ts'
import { ATTACKS } from './attacks.ts'
import { BROWSER_ATTACKS, type BrowserAttack } from './browser-attacks.ts'

/** `linkTo`: makes links to the attacker's site, `null` where the reader's browser cannot reach it. */
export function labPage(
  context: PageContext,
  linkTo: ((path: string) => string) | null,
  notice: string | null = null,
): string {
  return layout(
    context,
    { title: 'Attack lab' },
    html`
<link rel="stylesheet" href="/lab.css">
${notice && html`<p class="notice bad" role="alert">${notice}</p>`}
<p class="lab-lead">Break in, if you can. Every attack below runs against this shop while it is running: what was sent, what came back, and why it was refused.</p>
<div class="lab-start">
<form method="post" action="/lab"><input type="hidden" name="attack" value="all"><button>Run all ${ATTACKS.length} attacks</button></form>
<p>The lab comes as a stranger: with its own clients and its own guests, over HTTP like everybody. It never touches your session or your account, and tokens have names (token A, token B) in place of their values.</p>
</div>
<h2 class="lab-heading">In your own browser</h2>
${linkTo === null ? NO_ATTACKER : html`<p>The same server plays another site under the name attacker.localhost. Your browser takes it for a stranger, and so does the shop.</p>`}
<ol class="lab-cards">${BROWSER_ATTACKS.map((attack) => card(attack, linkTo && visit(attack, linkTo(attack.path))))}</ol>
<h2 class="lab-heading">Run by the lab</h2>
<ol class="lab-cards lab-wide">${ATTACKS.map((attack) => card(attack, runForm(attack)))}</ol>`,
  )
}

const NO_ATTACKER = html`<p>These need a browser on the machine where the shop runs: there, open it as http://localhost.</p>`

interface Told {
  readonly id: string
  readonly title: string
  readonly promise: string
  readonly idea: string
  readonly defence: string
}

/** What an attack and its defence are, in the same words on the lab's page and on that of its result. */
export function explanation({ idea, defence }: Pick<Told, 'idea' | 'defence'>): Html {
  return html`<dl class="lab-words"><dt>The attack</dt><dd>${idea}</dd><dt>What stands against it</dt><dd>${defence}</dd></dl>`
}

function card(attack: Told, action: Html | null): Html {
  return html`
<li class="lab-card" id="${attack.id}">
<h3>${attack.title}</h3>
<p class="lab-promise">${attack.promise}</p>
${explanation(attack)}
${action}
</li>`
}

function runForm({ id, title }: Attack): Html {
  return html`<form method="post" action="/lab"><input type="hidden" name="attack" value="${id}"><button aria-label="Run: ${title}">Run this attack</button></form>`
}

function visit({ title, action }: BrowserAttack, url: string): Html {
  return html`<p class="lab-visit"><a class="button" href="${url}" aria-label="${action}: ${title}">${action}</a></p>`
}
