import { contentSecurityPolicy } from 'coatcheck'

/** Text for an HTML document, inert wherever it stands. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** A page of the authorization server: no scripts, nothing from elsewhere. */
export function page(title: string, body: string, head = ''): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title>
<link rel="stylesheet" href="/assets/pages.css">
${head}</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${body}
</main>
</body>
</html>
`
}

/** Not a redirect: browsers hold the address that a form was sent to against every redirect that follows it (`form-action`). */
export function forwardingPage(address: string): string {
  const url = escapeHtml(address)
  return page(
    'One moment',
    `<p><a href="${url}">Continue</a></p>`,
    `<meta http-equiv="refresh" content="0;url=${url}">\n`,
  )
}

export const PAGE_POLICY: string = contentSecurityPolicy({ directives: { 'script-src': ["'none'"] } })
