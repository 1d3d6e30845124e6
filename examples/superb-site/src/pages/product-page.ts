import { MOST_OF_ONE } from '../cart.ts'
import { CATEGORIES, PRODUCTS, type Product } from '../catalogue.ts'
import { html } from '../html.ts'
import { convert, describeRate, formatMoney } from '../money.ts'
import { layout, type PageContext } from './layout.ts'
import { productPicture } from './product-picture.ts'
import { type ProductReviews, productReviews } from './product-reviews.ts'

/** `reviews`: `null` where the shop shows none. */
export function productPage(context: PageContext, product: Product, reviews: ProductReviews | null): string {
  const { sku, category, name, text, story, price } = product
  const currency = context.session.get('currency')
  const number = String(PRODUCTS.indexOf(product) + 1).padStart(3, '0')
  return layout(
    context,
    { title: name, heading: null },
    html`
<nav aria-label="You are here" class="crumbs"><a href="/">Catalogue</a> <span aria-hidden="true">›</span> <a href="/?category=${category}">${CATEGORIES[category]}</a></nav>
<article class="product">
  <div class="product-picture">${productPicture(product, 560)}</div>
  <div class="product-text">
    <p class="eyebrow">Article No. ${number}</p>
    <h1>${name}</h1>
    <p class="lead">${text}</p>
    <p>${story}</p>
    <p class="price large">${formatMoney(convert(price, currency), currency)}</p>
    ${currency !== 'EUR' && html`<p class="fine">${formatMoney(price, 'EUR')} at ${describeRate(currency)}</p>`}
    <form method="post" action="/cart" class="add">
      <input type="hidden" name="sku" value="${sku}">
      <input type="hidden" name="return" value="/products/${sku}">
      <label for="quantity">Quantity</label>
      <input id="quantity" name="quantity" type="number" inputmode="numeric" min="1" max="${MOST_OF_ONE}" value="1" required>
      <button>Add to cart</button>
    </form>
  </div>
</article>
${reviews && productReviews(context, product, reviews)}`,
  )
}
