import type { PolicyDescription } from 'coatcheck'

/** The policy in force on one line, from what `sessions.describePolicy()` says. */
export function policyLine({ rules, unsafe }: PolicyDescription): string {
  const value = (name: string) => rules.find(({ rule }) => rule === name)?.value ?? 'unknown'
  const idle = value('signedIn: idle timeout').replace(/,.*/, '')
  const parts = [
    `signed in: ${idle} idle, ${value('signedIn: absolute timeout')} in all`,
    `rotation ${value('rotation')}`,
    `reuse: ${value('reuse of a superseded token')}`,
    `CSRF by ${value('CSRF')}`,
    value('cookie'),
    unsafe.length === 0 ? 'nothing unsafe is on' : `unsafe: ${unsafe.map(({ option }) => option).join(', ')}`,
  ]
  return parts.join(' · ')
}
