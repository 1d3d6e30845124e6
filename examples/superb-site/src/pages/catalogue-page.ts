import { CATEGORIES, type Category, PRODUCTS, type Product } from '../catalogue.ts'
import { type Html, html } from '../html.ts'
import { type Currency, convert, formatMoney } from '../money.ts'
import { layout, type PageContext } from './layout.ts'
import { productPicture } from './product-picture.ts'

export interface Found {
  readonly category: Category | null
  readonly words: string
  readonly products: readonly Product[]
  /** Of this page, to come back to. */
  readonly path: string
}

export function cataloguePage(context: PageContext, found: Found): string {
  const currency = context.session.get('currency')
  const isFront = found.category === null && found.words === ''
  return layout(
    context,
    { title: isFront ? 'Everything for the cloakroom' : titleOf(found), heading: null },
    html`
${isFront ? welcome : html`<h1>${titleOf(found)}</h1>`}
${filter(found)}
<p class="count" role="status">${countText(found.products.length)}</p>
<ul class="products">${found.products.map((product) => card(product, currency, found.path))}</ul>
${found.products.length === 0 && html`<p class="empty">Nothing hangs here. <a href="/">See everything</a>.</p>`}`,
  )
}

const welcome = html`<section class="hero" aria-labelledby="welcome">
  <div class="hero-text">
    <p class="eyebrow">Cloakroom outfitters</p>
    <h1 id="welcome">Everything for the cloakroom</h1>
    <p class="lead">Hand in your coat, keep the ticket. The ticket says nothing; the coat stays behind the counter until you come back for it.</p>
  </div>
  <img src="/cloakroom.svg" alt="" width="640" height="360">
</section>`

function titleOf({ category, words }: Found): string {
  const place = category === null ? 'Everything' : CATEGORIES[category]
  return words === '' ? place : `${place}: “${words}”`
}

function countText(count: number): string {
  return count === 1 ? 'One article' : `${count} articles`
}

function filter({ category, words }: Found): Html {
  return html`<div class="filter">
<nav aria-label="Categories">
  <ul>${[null, ...CATEGORY_KEYS].map((key) => html`<li><a href="${hrefOf(key, words)}"${key === category && html` aria-current="page"`}>${key === null ? 'Everything' : CATEGORIES[key]}</a></li>`)}</ul>
</nav>
<form method="get" action="/" role="search" class="search">
  ${category !== null && html`<input type="hidden" name="category" value="${category}">`}
  <label for="q" class="hidden">Search the catalogue</label>
  <input id="q" name="q" type="search" value="${words}" maxlength="60" placeholder="Search ${PRODUCTS.length} articles">
  <button>Search</button>
</form>
</div>`
}

const CATEGORY_KEYS = Object.keys(CATEGORIES) as readonly Category[]

function hrefOf(category: Category | null, words: string): string {
  const query = new URLSearchParams()
  if (category !== null) query.set('category', category)
  if (words !== '') query.set('q', words)
  return query.size > 0 ? `/?${query}` : '/'
}

function card(product: Product, currency: Currency, path: string): Html {
  const { sku, name, text, price } = product
  return html`
<li class="card">
  <a class="card-picture" href="/products/${sku}" tabindex="-1" aria-hidden="true">${productPicture(product, 320)}</a>
  <div class="card-text">
    <h2><a href="/products/${sku}">${name}</a></h2>
    <p>${text}</p>
  </div>
  <div class="card-stub">
    <p class="price">${formatMoney(convert(price, currency), currency)}</p>
    <form method="post" action="/cart">
      <input type="hidden" name="sku" value="${sku}">
      <input type="hidden" name="return" value="${path}">
      <button aria-label="Add ${name} to the cart">Add to cart</button>
    </form>
  </div>
</li>`
}
