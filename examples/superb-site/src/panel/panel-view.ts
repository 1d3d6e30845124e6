import { type Html, html } from '../html.ts'
import type { Entry, NumberedEntry, SessionState } from './entry.ts'

export interface PanelModel {
  readonly state: SessionState
  readonly policy: string
  /** Oldest first, as everywhere but on the page. */
  readonly entries: readonly NumberedEntry[]
  /** What this request has done so far: a script replaces it by what it came to in the end. */
  readonly pending: readonly Entry[]
  /** Number of the newest entry. */
  readonly last: number
  /** Why nothing more is shown, where there is no timeline. */
  readonly absence: string | null
}

/** Brings its own style and script, so that a page has nothing to do but to put it at its foot. */
export function panelView(model: PanelModel): Html {
  const { entries, pending, state, policy, last, absence } = model
  const newest =
    pending.findLast(({ tone }) => tone !== 'request') ?? entries.findLast(({ tone }) => tone !== 'request')
  return html`
<link rel="stylesheet" href="/panel.css">
<aside class="panel" aria-label="Developer panel" data-last="${last}" data-follow="${absence === null || state.id !== null ? 'yes' : 'no'}"
  data-idle="${state.idle}" data-absolute="${state.absolute}">
<details>
<summary><span class="panel-name">Developer panel</span>
<span class="panel-newest">${newest ? newest.title : NOTHING}</span>
<span class="panel-live" hidden></span></summary>
<div class="panel-body">
${facts(state)}
<h2 class="panel-heading" id="panel-timeline">What happened to your session, newest first</h2>
<div class="panel-log" role="log" aria-live="polite" aria-labelledby="panel-timeline" tabindex="0">
<ol class="panel-entries">${[...pending.toReversed().map(pendingItem), ...entries.toReversed().map(item)]}</ol>
</div>
${absence !== null && html`<p class="panel-quiet">${absence}</p>`}
<p class="panel-quiet">Policy: ${policy}.</p>
<p class="panel-quiet">Tokens are never shown. <a href="/lab">Try to break in: the attack lab</a></p>
</div>
</details>
</aside>
<script type="module" src="/panel.js"></script>`
}

const NOTHING = 'nothing has happened yet'

function facts({ id, signedIn, generation, idle, absolute }: SessionState): Html {
  return html`<dl class="panel-facts">
<div><dt>Session</dt><dd data-fact="session">${id === null ? 'none: nothing was written' : `${id} ${signedIn ? '(signed in)' : '(visitor)'}`}</dd></div>
<div><dt>Generation</dt><dd data-fact="generation">${generation ?? (id === null ? '–' : 'not rotated here')}</dd></div>
<div><dt>Idle limit in</dt><dd data-fact="idle">${id === null ? '–' : duration(idle)}</dd></div>
<div><dt>Absolute limit in</dt><dd data-fact="absolute">${id === null ? '–' : duration(absolute)}</dd></div>
</dl>`
}

function item({ at, tone, title, text }: Entry): Html {
  const iso = new Date(at).toISOString()
  return html`<li class="panel-entry panel-${tone}"><time datetime="${iso}">${iso.slice(11, 19)}</time>
<span><strong>${title}</strong> ${text}</span></li>`
}

/** Without a time, so that the same answer to two requests is the same page. */
function pendingItem({ tone, title, text }: Entry): Html {
  return html`<li class="panel-entry panel-${tone} panel-pending"><span class="panel-now">now</span>
<span><strong>${title}</strong> ${text}</span></li>`
}

/** As the script does it. */
function duration(milliseconds: number): string {
  const minutes = Math.round(milliseconds / 60_000)
  if (minutes < 1) return 'less than 1 min'
  if (minutes < 120) return `${minutes} min`
  return minutes < 2 * 1_440 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1_440)} days`
}
