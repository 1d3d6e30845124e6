import { type Html, html } from '../html.ts'

const STEPS = ['Address', 'Review', 'Ticket']

/** Where one is on the way through the checkout; `current` from 1. */
export function checkoutSteps(current: number): Html {
  return html`<ol class="steps" aria-label="Checkout">${STEPS.map(
    (name, index) => html`<li${index + 1 === current && html` aria-current="step"`}>${name}</li>`,
  )}</ol>`
}
