import { html } from '../html.ts'
import { errorSummary, textField } from './form-parts.ts'
import { layout, type PageContext } from './layout.ts'

export interface ConfirmForm {
  /** Where to go afterwards; a path of this site. */
  readonly returnTo: string
  readonly problem: string | null
}

export function confirmPage(context: PageContext, { returnTo, problem }: ConfirmForm): string {
  return layout(
    context,
    { title: 'Confirm that it is you', failed: problem !== null, narrow: true },
    html`
${problem !== null && errorSummary([{ field: 'password', text: problem }])}
<p class="lead">You are signed in as ${context.userName}. What comes next is worth asking twice: somebody else could be sitting here.</p>
<form method="post" action="/confirm" class="stack sheet">
  <input type="hidden" name="return" value="${returnTo}">
  <input class="hidden" type="text" name="username" value="${context.userName}" autocomplete="username" readonly tabindex="-1" aria-hidden="true">
  ${textField({ name: 'password', label: 'Your password', type: 'password', autocomplete: 'current-password', problem })}
  <div><button>Confirm</button></div>
</form>
<p><a href="/account">Not now</a></p>`,
  )
}
