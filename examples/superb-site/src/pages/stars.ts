import { type Html, html } from '../html.ts'

/** Five stars, some of them filled; read out as a number. */
export function stars(rating: number): Html {
  const full = Math.round(rating)
  const text = Number.isInteger(rating) ? rating : rating.toFixed(1)
  return html`<span class="stars" role="img" aria-label="${text} of 5 stars">${'★'.repeat(full)}<span class="off">${'★'.repeat(5 - full)}</span></span>`
}

const WORDS = ['Poor', 'Fair', 'Good', 'Very good', 'Superb']

/** One choice of five, the best first. */
export function starChoices(chosen: number | null): Html {
  const choices = [5, 4, 3, 2, 1].map(
    (rating) => html`
  <label class="choice"><input type="radio" name="rating" value="${rating}" required${rating === chosen && html` checked`}> <span class="stars" aria-hidden="true">${'★'.repeat(rating)}</span> ${WORDS[rating - 1]}</label>`,
  )
  return html`<fieldset class="ratings"><legend>Your stars</legend>${choices}</fieldset>`
}
