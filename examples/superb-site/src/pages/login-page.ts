import { html } from '../html.ts'
import { errorSummary, textField } from './form-parts.ts'
import { layout, type PageContext } from './layout.ts'

export interface LoginForm {
  readonly name: string
  /** Where to go afterwards; a path of this site. */
  readonly returnTo: string
  readonly problem: string | null
}

export function loginPage(context: PageContext, { name, returnTo, problem }: LoginForm): string {
  return layout(
    context,
    { title: 'Log in', failed: problem !== null, narrow: true },
    html`
${problem !== null && errorSummary([{ field: 'name', text: problem }])}
<form method="post" action="/login" class="stack sheet">
  <input type="hidden" name="return" value="${returnTo}">
  ${textField({ name: 'name', label: 'Name', value: name, autocomplete: 'username', problem: problem && 'Check the name, and the password below.' })}
  ${textField({ name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password' })}
  <label class="choice"><input name="remember" type="checkbox" value="yes"> Stay signed in on this device</label>
  <div><button>Log in</button></div>
</form>
<p>New here? <a href="/sign-up?return=${encodeURIComponent(returnTo)}">Open an account</a>. The demo accounts stand in the terminal where the shop was started.</p>`,
  )
}
