import { html, raw } from 'hono/html'
import type { Words } from './strings.ts'
import type { Theme } from './theme.ts'

/** A part of a page: what is not markup already is escaped (HDR-08). */
export type Markup = ReturnType<typeof html>

export interface PageContent {
  /** Whole sentence or name; the site's name follows it in the title. */
  readonly title: string
  readonly content: Markup
  /** Wider than a form: lists. */
  readonly wide?: boolean
  /** Shown above, with a way to sign out; the path of the page that is open. */
  readonly account?: {
    readonly name: string
    readonly path: string
    readonly csrf: string
    readonly delegated: boolean
    /** Whether there are ways to sign in besides a password. */
    readonly ways: boolean
  }
}

export interface PageSurroundings {
  readonly words: Words
  readonly theme: Theme
  readonly siteName: string
  readonly nonce: string
}

/** A whole page. */
export function page({ title, content, wide, account }: PageContent, around: PageSurroundings): Markup {
  const { words, theme, siteName } = around
  return html`<!doctype html>
<html lang="${words('language')}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title} · ${siteName}</title>
${theme.styles.map((path) => html`<link rel="stylesheet" href="${path}" nonce="${around.nonce}">`)}
</head>
<body>
<a class="skip" href="#content">${words('skip')}</a>
<header class="top"><div class="brand">${logo(around)}<span>${siteName}</span></div>${account ? navigation(account, words) : ''}</header>
<main id="content" class="${wide ? 'wide' : 'narrow'}" tabindex="-1">
<h1>${title}</h1>
${content}
</main>
</body>
</html>`
}

function logo({ theme }: PageSurroundings): Markup {
  return theme.logo === null
    ? html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false"><path d="${HANGER}"/></svg>`
    : html`<img class="mark" src="${theme.logo}" alt="">`
}

/** A coat hanger. */
const HANGER =
  'M16 12.5v-1.2c1.9-.5 3.2-2 3.2-3.9A3.3 3.3 0 0 0 16 4a3.3 3.3 0 0 0-3.3 3.3h2a1.3 1.3 0 1 1 1.9 1.2c-1 .5-1.6 1.2-1.6 2.3v1.7L3 20.6c-2 1.3-1.1 4.4 1.3 4.4h23.4c2.4 0 3.3-3.1 1.3-4.4zm0 2.1 11.9 7.9c.3.2.1.5-.2.5H4.3c-.3 0-.5-.3-.2-.5z'

function navigation(
  { path, csrf, name, delegated, ways }: NonNullable<PageContent['account']>,
  words: Words,
): Markup {
  const links = [
    ['/account', words('nav.sessions')],
    ...(delegated ? [] : [['/account/password', words('nav.password')] as const]),
    ...(ways ? [['/account/ways', words('nav.ways')] as const] : []),
    ['/account/second-step', words('nav.secondStep')],
    ['/account/api-keys', words('nav.keys')],
    ['/account/applications', words('nav.applications')],
    ['/account/data', words('nav.data')],
  ] as const
  return html`<nav aria-label="${words('nav.label')}"><ul>${links.map(
    ([href, text]) =>
      html`<li><a href="${href}"${raw(href === path ? ' aria-current="page"' : '')}>${text}</a></li>`,
  )}</ul></nav>
<form class="leave" method="post" action="/logout">${hidden('csrf', csrf)}<span class="who">${name}</span><button class="quiet">${words('logout.button')}</button></form>`
}

export function hidden(name: string, value: string): Markup {
  return html`<input type="hidden" name="${name}" value="${value}">`
}

export interface FieldOptions {
  readonly name: string
  readonly label: string
  readonly type?: 'text' | 'password'
  readonly autocomplete: string
  readonly value?: string
  readonly hint?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly required?: boolean
  readonly focus?: boolean
  /** Keys that a phone shows. */
  readonly inputMode?: 'numeric'
}

/** A labelled text field, its hint tied to it. */
export function field(options: FieldOptions): Markup {
  const { name, label, type = 'text', autocomplete, value = '', hint, required = true } = options
  const attributes = [
    required ? ' required' : '',
    options.focus ? ' autofocus' : '',
    hint ? ` aria-describedby="${name}-hint"` : '',
    options.minLength ? ` minlength="${options.minLength}"` : '',
    options.inputMode ? ` inputmode="${options.inputMode}"` : '',
    options.maxLength ? ` maxlength="${options.maxLength}"` : '',
    type === 'text' ? ' autocapitalize="none" spellcheck="false"' : '',
  ].join('')
  return html`<div class="field"><label for="${name}">${label}</label>
<input id="${name}" name="${name}" type="${type}" value="${value}" autocomplete="${autocomplete}"${raw(attributes)}>
${hint ? html`<p class="hint" id="${name}-hint">${hint}</p>` : ''}</div>`
}

/** What went wrong, read out at once; nothing for `null`. */
export function problem(text: string | null): Markup {
  return text === null ? html`` : html`<p class="problem" role="alert">${text}</p>`
}

/** What went well. */
export function notice(text: string | null): Markup {
  return text === null ? html`` : html`<p class="notice" role="status">${text}</p>`
}

export function button(text: string): Markup {
  return html`<button class="main">${text}</button>`
}
