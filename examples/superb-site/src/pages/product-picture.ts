import type { Product } from '../catalogue.ts'
import { type Html, html } from '../html.ts'

export function productPicture({ sku, picture }: Product, size: number): Html {
  return html`<img src="/products/${sku}.svg" alt="${picture}" width="${size}" height="${size}">`
}

/** Where the article's name stands beside it and says as much. */
export function productThumbnail({ sku }: { readonly sku: string }): Html {
  return html`<img class="thumbnail" src="/products/${sku}.svg" alt="" width="64" height="64">`
}
