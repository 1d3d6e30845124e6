import type { Operation, SessionId } from '../../core/record.ts'
import type { SessionStore } from '../../core/store.ts'
import type { Stamp } from './epoch-tables.ts'
import type { FailureMessage } from './failures.ts'
import type { WriteOperations } from './write-operations.ts'

type StoreMethod =
  | 'create'
  | 'find'
  | 'mutate'
  | 'rotate'
  | 'replace'
  | 'touch'
  | 'end'
  | 'endUser'
  | 'endEveryone'
  | 'list'
  | 'sweep'
  | 'scan'
  | 'adopt'
  | 'bury'

/**
 * Besides the methods of the store: `health` does nothing but a transaction, `clear` removes what endUser has left, `holds`
 * tells whether an id is known, `epochOf` the epoch of a user or of whoever is anonymous.
 */
interface OwnMethods {
  health(): undefined
  clear(limit: number): boolean
  holds(id: SessionId): boolean
  epochOf(userId: string | null): string
}

type Methods = Pick<SessionStore, StoreMethod> & OwnMethods

/** What the writing side can be asked for. */
export type Method = keyof Methods
export type Arguments<M extends Method> = Parameters<Methods[M]>
export type Answer<M extends Method> = Awaited<ReturnType<Methods[M]>>

/** One call on its way to the writing side. */
export type Call = {
  readonly [M in Method]: Stamp & { readonly method: M; readonly args: Arguments<M> }
}[Method]

/** The answer to one call, JSON as well; or why there is none. */
export type Outcome =
  | { readonly ok: true; readonly answer: string }
  | { readonly ok: false; readonly failure: FailureMessage }

/**
 * Calls and answers travel as JSON: what `JSON.stringify` keeps is what a store keeps, a text is copied to the other
 * thread faster than objects are cloned, and a value that cannot be cloned fails its own call alone.
 */
export function encodeCall<M extends Method>(stamp: Stamp, method: M, args: Arguments<M>): string {
  return JSON.stringify({ ...stamp, method, args })
}

export function decodeCall(text: string): Call {
  return JSON.parse(text) as Call
}

export function encodeAnswer(answer: unknown): string {
  return JSON.stringify(answer ?? null)
}

export function decodeAnswer<M extends Method>(text: string): Answer<M> {
  return JSON.parse(text) as Answer<M>
}

/** Carries out a call on the tables. */
export function carryOut(operations: WriteOperations, call: Call): unknown {
  switch (call.method) {
    case 'create':
      return operations.create(call, ...call.args)
    case 'find':
      return operations.find(call, ...call.args)
    case 'mutate':
      return operations.mutate(call, call.args[0], call.args[1].map(restoreNumbers), call.args[2])
    case 'rotate':
      return operations.rotate(call, ...call.args)
    case 'replace': {
      const [old, session, options] = call.args
      return operations.replace(call, old, session, {
        ...options,
        operations: options.operations.map(restoreNumbers),
      })
    }
    case 'touch':
      return operations.touch(call, ...call.args)
    case 'end':
      return operations.end(call, ...call.args)
    case 'endUser':
      return operations.endUser(call, ...call.args)
    case 'endEveryone':
      return operations.endEveryone(call, ...call.args)
    case 'list':
      return operations.list(call, ...call.args)
    case 'sweep':
      return operations.sweep(call, ...call.args)
    case 'scan':
      return operations.scan(call, ...call.args)
    case 'adopt':
      return operations.adopt(call, call.args[0], call.args[1].ifEpoch)
    case 'bury':
      return operations.bury(call, call.args[0], call.args[1].now)
    case 'epochOf':
      return operations.epochOf(call, ...call.args)
    case 'holds':
      return operations.holds(...call.args)
    case 'clear':
      return operations.clear(...call.args)
    case 'health':
      return undefined
  }
}

/** JSON turns numbers that are not finite into `null`; adding any of them is refused alike, adding `null` would not be. */
function restoreNumbers(operation: Operation): Operation {
  if (operation.kind !== 'add' || (operation.amount as number | null) !== null) return operation
  return { ...operation, amount: Number.NaN }
}
