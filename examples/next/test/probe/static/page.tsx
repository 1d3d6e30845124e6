import { readSession } from '../../../lib/sessions.ts'

export const dynamic = 'force-static'

export default async function Static() {
  const session = await readSession()
  return <output>{JSON.stringify(session.userId)}</output>
}
