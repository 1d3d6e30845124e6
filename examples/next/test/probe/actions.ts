'use server'

import { notFound } from 'next/navigation'
import { readSession, withSession } from '../../lib/sessions.ts'

export async function logInAsAda(): Promise<void> {
  await withSession((session) => session.login('user-1', { methods: ['pwd'] }))
}

export async function logInAndStay(): Promise<void> {
  await withSession((session) => session.login('user-1', { carry: ['cart'] }))
  // A second one in the same action finds what the first has left.
  await withSession((session) => session.append('cart', `of ${session.userId}`))
}

export async function logOutAndStay(): Promise<void> {
  await readSession()
  await withSession((session) => session.logout())
}

export async function writeAndThrow(): Promise<void> {
  await withSession((session) => {
    session.append('cart', 'thrown')
    throw new Error('boom')
  })
}

export async function logInAndThrow(): Promise<void> {
  await withSession(async (session) => {
    await session.login('user-1')
    session.append('cart', 'thrown')
    throw new Error('boom')
  })
}

export async function writeAndMiss(): Promise<void> {
  await withSession((session) => {
    session.append('cart', 'missed')
    notFound()
  })
}
