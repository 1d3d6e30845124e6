import { html } from '../html.ts'
import { errorSummary, textField } from './form-parts.ts'
import { layout, type PageContext } from './layout.ts'
import { PASSWORD_HINT } from './sign-up-page.ts'

export function passwordPage(context: PageContext, problem: string | null): string {
  return layout(
    context,
    { title: 'Change your password', failed: problem !== null, narrow: true },
    html`
${problem !== null && errorSummary([{ field: 'password', text: problem }])}
<p class="lead">All your other sessions end with the change. You stay signed in here, under a new token.</p>
<form method="post" action="/account/password" class="stack sheet">
  <input class="hidden" type="text" name="username" value="${context.userName}" autocomplete="username" readonly tabindex="-1" aria-hidden="true">
  ${textField({ name: 'password', label: 'New password', type: 'password', autocomplete: 'new-password', hint: PASSWORD_HINT, problem })}
  <div><button>Change the password</button></div>
</form>
<p><a href="/account">Leave it as it is</a></p>`,
  )
}
