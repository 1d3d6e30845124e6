import type { JsonFields } from '../core/json.ts'
import type { SessionRecord } from '../core/record.ts'

/** Field of a session's data that holds what the provider gave for it. No field of an application's begins so. */
export const PROVIDER_FIELD = '\u0001provider'

/** What a session keeps of the sign-in that it came from. It ends with the session, and goes along with a step-up. */
export interface KeptLogin {
  readonly issuer: string
  readonly clientId: string
  readonly subject: string
  readonly sid: string | null
  /** The provider's tokens, sealed: a copy of the store gives nothing that is accepted anywhere (P6). */
  readonly sealed: string
  /** Of the access token, epoch milliseconds; `null`: the provider does not say. */
  readonly expiresAt: number | null
  /** From when on new tokens are asked for; `null`: never. */
  readonly renewAt: number | null
  /** Who is asking the provider for new ones, and until when nobody else does (store clock). */
  readonly lease: { readonly by: string; readonly until: number } | null
}

/** Which provider, and as which application: what a relying party has to do with nothing else. */
export interface Party {
  readonly issuer: string
  readonly clientId: string
}

/** What a session keeps of a sign-in through this provider, `null` where it comes from elsewhere. */
export function keptLoginOf({ data }: Pick<SessionRecord, 'data'>, party: Party): KeptLogin | null {
  const kept = data[PROVIDER_FIELD] as KeptLogin | undefined
  return kept?.issuer === party.issuer && kept.clientId === party.clientId ? kept : null
}

/** The same of the field alone, as an update sees it. */
export function keptLoginIn(value: unknown, party: Party): KeptLogin | null {
  return keptLoginOf({ data: { [PROVIDER_FIELD]: value } as JsonFields }, party)
}
