import { readSession, withSession } from '../../../lib/sessions.ts'

/** What components get that want more than to read. */
export default async function Component() {
  const attempts = [
    withSession((session) => session.login('user-1')),
    withSession((session) => session.append('cart', 'in a component')),
    readSession().then((session) => session.append('cart', 'in a component')),
  ]
  const codes = (await Promise.allSettled(attempts)).map((attempt) =>
    attempt.status === 'rejected' ? attempt.reason.code : 'done',
  )
  return <output>{JSON.stringify(codes)}</output>
}
