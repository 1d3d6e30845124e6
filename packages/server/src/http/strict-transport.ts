import { securityHeaders } from 'coatcheck'

/** `Strict-Transport-Security` of every answer over HTTPS (HDR-01). */
export const HSTS: string = securityHeaders()['strict-transport-security'] ?? ''
