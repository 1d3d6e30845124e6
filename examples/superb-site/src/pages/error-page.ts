import { html } from '../html.ts'

/** Stands alone: it must work when neither session nor store do. */
export function errorPage(status: number, message: string): string {
  return `<!doctype html>\n${
    html`<html lang="en"><head><meta charset="utf-8"><title>${status} · Superb Site</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/style.css"></head>
<body><main id="content"><h1>${status}</h1><p>${message}</p><p><a href="/">Back to the shop</a></p></main></body></html>`
      .text
  }\n`
}
