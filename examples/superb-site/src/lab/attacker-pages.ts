import { type Html, html } from '../html.ts'
import type { LabGuest } from './lab-guests.ts'

/** `shop`: origin of the shop, here and below. */
export function prizePage(shop: string): string {
  return page(
    shop,
    'You have won a free coat!',
    html`
<p>One click and it is yours.</p>
<form method="post" action="${shop}/cart">
<input type="hidden" name="sku" value="umbrella"><input type="hidden" name="quantity" value="99">
<button>Claim my coat</button>
</form>`,
    html`The button sends a form to the shop that puts 99 umbrellas into your cart. Press it: the shop refuses, and the panel at the foot of its answer says why.`,
  )
}

export function framePage(shop: string): string {
  return page(
    shop,
    'Tap the square to skip this ad',
    html`<div class="frame"><iframe src="${shop}/account" title="A page of the shop, if the browser showed it"></iframe></div>`,
    html`The square holds your account page of the shop. If you could see it, it could be made invisible, with your click still going there. Instead your browser shows nothing of it: the shop is in nobody’s frame.`,
  )
}

export function loginPage(shop: string, { name, password }: LabGuest): string {
  return page(
    shop,
    'Continue to the shop',
    html`
<p>Free shipping for you, today only.</p>
<form method="post" action="${shop}/login">
<input type="hidden" name="name" value="${name}"><input type="hidden" name="password" value="${password}">
<button>Continue</button>
</form>`,
    html`The button would log you in to the shop as “${name}”, the attacker’s own account, with the right password. Press it: the shop refuses, and you stay who you are.`,
  )
}

/** Its style and its manners are the attacker's own. */
function page(shop: string, title: string, bait: Html, truth: Html): string {
  const document = html`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main>
<section class="bait">
<h1>${title}</h1>
${bait}
</section>
<section class="truth" aria-labelledby="truth">
<h2 id="truth">Behind the scenes</h2>
<p>This is another site: attacker.localhost. ${truth}</p>
<p>It also tried to toss a cookie __Host-sid at the shop, with Domain=localhost. Your browser has dropped it: look at the shop’s cookies in its developer tools.</p>
<p><a href="${shop}/lab">Back to the lab</a></p>
</section>
</main>
</body>
</html>`
  return `<!doctype html>\n${document.text}\n`
}
