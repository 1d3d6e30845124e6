import type { ChangeReceiver, Ended, EndOptions, NewSession, SessionStore, Touch } from './store.ts'

/** The methods by which a store changes. */
type Changing =
  | 'mutate'
  | 'rotate'
  | 'replace'
  | 'touch'
  | 'end'
  | 'endUser'
  | 'endEveryone'
  | 'sweep'
  | 'bury'

type Tell<M extends Changing> = (
  receiver: ChangeReceiver,
  args: Parameters<SessionStore[M]>,
  answer: Awaited<ReturnType<SessionStore[M]>> | null,
) => void

/**
 * Tells this node's cache what this node has changed, before whoever called learns that it is done: the next validation
 * here sees it, however long the feed takes (P7). A call that failed (`answer` is `null`) may have been applied.
 */
export function tellOwnChange(
  receiver: ChangeReceiver,
  method: keyof SessionStore,
  args: readonly unknown[],
  answer: unknown,
): void {
  const tell = (TELL as Partial<Record<keyof SessionStore, Tell<never>>>)[method]
  tell?.(receiver, args as never, answer as never)
}

const TELL: { readonly [M in Changing]: Tell<M> } = {
  mutate: (receiver, [id]) => receiver.changed(id),
  rotate: (receiver, [id]) => receiver.changed(id),
  replace(receiver, [old, session], answer) {
    if (old !== null) receiver.changed(old)
    if (answer?.outcome === 'ok') tellAll(receiver, answer.evicted)
    if (answer === null) tellUserOf(receiver, session)
  },
  touch: (receiver, [batch], answer) => tellTouched(receiver, batch, answer === null),
  end(receiver, [id, options], answer) {
    receiver.changed(id)
    if (answer?.outcome === 'ended') tellAll(receiver, answer.ended)
    if (answer === null) tellFollowed(receiver, options)
  },
  endUser: (receiver, [userId]) => receiver.userChanged(userId),
  endEveryone: (receiver) => receiver.everyoneChanged(null),
  sweep: (receiver, _, answer) => tellAll(receiver, answer?.ended ?? []),
  bury: (receiver, [{ id }]) => receiver.changed(id),
}

function tellAll(receiver: ChangeReceiver, ended: readonly Ended[]): void {
  for (const { id } of ended) receiver.changed(id)
}

/** Activity alone changes nothing that is judged by; where it could not be recorded, the next use has to try again. */
function tellTouched(receiver: ChangeReceiver, batch: readonly Touch[], failed: boolean): void {
  for (const { id, rotation } of batch) if (rotation || failed) receiver.changed(id)
}

/** Nobody has told whom a limit has put out. */
function tellUserOf(receiver: ChangeReceiver, { userId }: NewSession): void {
  if (userId !== null) receiver.userChanged(userId)
}

/** Nobody has told where the chain ended. */
function tellFollowed(receiver: ChangeReceiver, { follow }: EndOptions): void {
  if (follow) receiver.lost(null)
}
