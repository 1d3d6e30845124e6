import { type Address, COUNTRIES } from '../address.ts'
import { type Html, html } from '../html.ts'
import { type Currency, formatMoney, type MinorUnits } from '../money.ts'
import { productThumbnail } from './product-picture.ts'

export interface ShownLine {
  readonly sku: string
  readonly name: string
  readonly quantity: number
  readonly unit: MinorUnits
  readonly sum: MinorUnits
}

/** What is or will be ordered, to read only. */
export function orderLines(lines: readonly ShownLine[], total: MinorUnits, currency: Currency): Html {
  return html`<table class="lines">
  <thead><tr><th scope="col">Article</th><th scope="col" class="amount">Quantity</th><th scope="col" class="amount each">Each</th><th scope="col" class="amount">Sum</th></tr></thead>
  <tbody>${lines.map(
    (line) => html`
  <tr>
    <th scope="row"><span class="article">${productThumbnail(line)}<a href="/products/${line.sku}">${line.name}</a></span></th>
    <td class="amount">${line.quantity}</td>
    <td class="amount each">${formatMoney(line.unit, currency)}</td>
    <td class="amount">${formatMoney(line.sum, currency)}</td>
  </tr>`,
  )}</tbody>
  <tfoot><tr><th scope="row" colspan="2">Total</th><td class="each"></td><td class="amount total">${formatMoney(total, currency)}</td></tr></tfoot>
</table>`
}

export function addressBlock({ recipient, street, postcode, city, country }: Address): Html {
  return html`<address>${recipient}<br>${street}<br>${postcode} ${city}<br>${COUNTRIES[country]}</address>`
}
