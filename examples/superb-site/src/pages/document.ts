import { type Html, html } from '../html.ts'
import type { Theme } from '../preferences.ts'

export interface DocumentHead {
  readonly title: string
  readonly theme: Theme
}

/** A whole HTML document around the content of `<body>`. */
export function renderDocument({ title, theme }: DocumentHead, body: Html): string {
  const document = html`<html lang="en" data-theme="${theme}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Superb Site</title>
<link rel="stylesheet" href="/style.css">
<link rel="stylesheet" href="/shop.css">
<link rel="icon" href="/icon.svg" type="image/svg+xml">
</head>
<body>
<a class="skip" href="#content">To the content</a>
${body}
</body>
</html>`
  return `<!doctype html>\n${document.text}\n`
}
