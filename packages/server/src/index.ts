export { type Authority, openAuthority } from './authority.ts'
export { ConfigurationError, resolveSettings } from './config/resolve.ts'
export type { Settings } from './config/settings.ts'
export { type RunningServer, startServer } from './server.ts'
