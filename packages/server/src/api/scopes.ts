/** What a service may be allowed to do over `/v1`: the scopes of API keys that administrators make for services. */
export const SERVICE_SCOPES = {
  'sessions:create': 'Make sessions, of any user: logins and step-ups',
  'sessions:validate': 'Ask whether a token or cookie is good, and sign its user out',
  'sessions:read': 'Look at sessions and their data',
  'sessions:write': 'Change the data of sessions',
  'sessions:revoke': 'End single sessions, and all of a user',
  'sessions:revoke-everyone': 'End every session there is',
  'tokens:issue': 'Get access tokens of sessions',
  'changes:read': 'Follow what changes, to cache answers',
} as const satisfies Readonly<Record<string, string>>

export type ServiceScope = keyof typeof SERVICE_SCOPES

/** How the owner of a service's key begins. A user's id is never taken for it: keys that users make have no service scope. */
export const SERVICE_OWNER = 'service:'

/** Whether a scope is one that only keys of services may have: never one that a user makes. */
export function isServiceScope(scope: string): scope is ServiceScope {
  return Object.hasOwn(SERVICE_SCOPES, scope)
}
