import type { AddressForm } from '../address.ts'
import { COUNTRIES } from '../address.ts'
import type { Problem } from '../form.ts'
import { type Html, html } from '../html.ts'
import { checkoutSteps } from './checkout-steps.ts'
import { errorSummary, problemOf, textField } from './form-parts.ts'
import { layout, type PageContext } from './layout.ts'

export function addressPage(
  context: PageContext,
  typed: AddressForm['typed'],
  problems: readonly Problem[],
): string {
  const field = (
    name: Exclude<keyof typeof typed, 'country'>,
    label: string,
    autocomplete: string,
    maxLength: number,
  ) =>
    textField({
      name,
      label,
      autocomplete,
      maxLength,
      value: typed[name],
      problem: problemOf(problems, name),
    })
  return layout(
    context,
    { title: 'Where does it go?', failed: problems.length > 0, narrow: true },
    html`
${checkoutSteps(1)}
${errorSummary(problems)}
<form method="post" action="/checkout" class="stack sheet">
  ${field('recipient', 'Name', 'shipping name', 80)}
  ${field('street', 'Street and number', 'shipping street-address', 120)}
  <div class="two">
    ${field('postcode', 'Postcode', 'shipping postal-code', 16)}
    ${field('city', 'Town', 'shipping address-level2', 80)}
  </div>
  ${countryField(typed.country, problemOf(problems, 'country'))}
  <div class="actions"><button>Continue</button> <a class="button quiet" href="/cart">Back to the cart</a></div>
</form>`,
  )
}

function countryField(chosen: string, problem: string | null): Html {
  return html`<div class="field">
  <label for="country">Country</label>
  ${problem !== null && html`<p class="problem" id="country-problem">${problem}</p>`}
  <select id="country" name="country" autocomplete="shipping country"${problem !== null && html` aria-invalid="true" aria-describedby="country-problem"`}>
    ${Object.entries(COUNTRIES).map(([code, name]) => html`<option value="${code}"${code === chosen && html` selected`}>${name}</option>`)}
  </select>
</div>`
}
