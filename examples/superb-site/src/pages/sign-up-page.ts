import { LONGEST_PASSWORD, SHORTEST_PASSWORD } from '../account-rules.ts'
import type { Problem } from '../form.ts'
import { html } from '../html.ts'
import { errorSummary, problemOf, textField } from './form-parts.ts'
import { layout, type PageContext } from './layout.ts'

export interface SignUpForm {
  readonly name: string
  /** Where to go afterwards; a path of this site. */
  readonly returnTo: string
  readonly problems: readonly Problem[]
}

export function signUpPage(context: PageContext, { name, returnTo, problems }: SignUpForm): string {
  return layout(
    context,
    { title: 'Open an account', failed: problems.length > 0, narrow: true },
    html`
${errorSummary(problems)}
<form method="post" action="/sign-up" class="stack sheet">
  <input type="hidden" name="return" value="${returnTo}">
  ${textField({ name: 'name', label: 'Name', value: name, autocomplete: 'username', hint: 'Letters, digits, dots, hyphens and underscores.', problem: problemOf(problems, 'name') })}
  ${textField({ name: 'password', label: 'Password', type: 'password', autocomplete: 'new-password', hint: PASSWORD_HINT, problem: problemOf(problems, 'password') })}
  <div><button>Open the account</button></div>
</form>
<p>You have an account? <a href="/login?return=${encodeURIComponent(returnTo)}">Log in</a>.</p>`,
  )
}

export const PASSWORD_HINT = `At least ${SHORTEST_PASSWORD} characters, at most ${LONGEST_PASSWORD}. Three or four words that have nothing to do with each other do well; blanks are welcome.`
