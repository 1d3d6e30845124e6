import { html } from '../html.ts'
import { type Currency, describeRate } from '../money.ts'
import { CHOICES, type Theme } from '../preferences.ts'
import { layout, type PageContext } from './layout.ts'

export function preferencesPage(context: PageContext): string {
  const { session, userName } = context
  const theme = session.get('theme')
  const currency = session.get('currency')
  return layout(
    context,
    { title: 'Preferences', narrow: true },
    html`
<p class="lead">${userName === null ? 'Kept in your session, and with your account once you have one.' : 'Kept with your account: they are there on every device, after every restart.'}</p>
<form method="post" action="/preferences" class="stack sheet">
  <fieldset>
    <legend>Theme</legend>
    <div class="choices">${CHOICES.theme.map((choice) => html`<label class="choice"><input type="radio" name="theme" value="${choice}"${choice === theme && html` checked`}> ${THEME_NAMES[choice]}</label>`)}</div>
  </fieldset>
  <fieldset>
    <legend>Currency</legend>
    <div class="choices">${CHOICES.currency.map((choice) => html`<label class="choice"><input type="radio" name="currency" value="${choice}"${choice === currency && html` checked`}> ${CURRENCY_NAMES[choice]}</label>`)}</div>
    <p class="hint">Fixed rates: ${describeRate('USD')}, ${describeRate('GBP')}.</p>
  </fieldset>
  <div><button>Keep these</button></div>
</form>`,
  )
}

const THEME_NAMES: Readonly<Record<Theme, string>> = {
  auto: 'As the device has it',
  light: 'Light, as at the matinée',
  dark: 'Dark, as at midnight',
}

const CURRENCY_NAMES: Readonly<Record<Currency, string>> = {
  EUR: 'Euro (EUR)',
  USD: 'US dollar (USD)',
  GBP: 'Pound sterling (GBP)',
}
