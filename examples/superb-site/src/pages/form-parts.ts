import type { Problem } from '../form.ts'
import { type Html, html } from '../html.ts'

export interface FieldOptions {
  readonly name: string
  readonly label: string
  readonly value?: string
  readonly type?: 'text' | 'password'
  /** WCAG 1.3.5: lets browsers and password managers fill it in. */
  readonly autocomplete: string
  readonly hint?: string
  readonly problem?: string | null
  readonly maxLength?: number
}

/** A labelled input; hint and problem are read out with it. */
export function textField(options: FieldOptions): Html {
  const { name, label, value = '', type = 'text', autocomplete, hint, problem, maxLength = 200 } = options
  const described = [hint && `${name}-hint`, problem && `${name}-problem`].filter(Boolean).join(' ')
  return html`<div class="field">
  <label for="${name}">${label}</label>
  ${hint && html`<p class="hint" id="${name}-hint">${hint}</p>`}
  ${problem && html`<p class="problem" id="${name}-problem">${problem}</p>`}
  <input id="${name}" name="${name}" type="${type}" value="${value}" autocomplete="${autocomplete}" maxlength="${maxLength}" required${
    described && html` aria-describedby="${described}"`
  }${problem && html` aria-invalid="true"`}>
</div>`
}

/** What is wrong with a form, above it: each line leads to its field. Takes the focus, since nobody looks for it. */
export function errorSummary(problems: readonly Problem[]): Html | null {
  if (problems.length === 0) return null
  return html`<div class="error-summary" role="alert" tabindex="-1" autofocus aria-labelledby="error-title">
  <h2 id="error-title">There is a problem</h2>
  <ul>${problems.map(({ field, text }) => html`<li><a href="#${field}">${text}</a></li>`)}</ul>
</div>`
}

export function problemOf(problems: readonly Problem[], field: string): string | null {
  return problems.find((problem) => problem.field === field)?.text ?? null
}
