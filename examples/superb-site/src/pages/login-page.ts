import { html } from '../html.ts'
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
    'Log in',
    html`
${problem && html`<p class="notice bad" role="alert">${problem}</p>`}
<form method="post" action="/login" class="stack">
  <input type="hidden" name="return" value="${returnTo}">
  <label>Name <input name="name" value="${name}" autocomplete="username" required></label>
  <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
  <label class="row"><input name="remember" type="checkbox" value="yes"> Stay signed in on this device</label>
  <button>Log in</button>
</form>
<p>The demo accounts stand in the terminal where the shop was started.</p>`,
  )
}
