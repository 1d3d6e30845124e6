import type { Context } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { DEVICE_LIFE } from '../accounts/devices.ts'
import type { Settings } from '../config/settings.ts'

/** What a browser is remembered by: presented with a password, and useless without it. */
export class DeviceCookie {
  readonly #secure: boolean

  constructor({ publicUrl, unsafeAllowHttp }: Pick<Settings, 'publicUrl' | 'unsafeAllowHttp'>) {
    this.#secure = publicUrl.protocol === 'https:' || !unsafeAllowHttp
  }

  read(c: Context): string | null {
    return (this.#secure ? getCookie(c, NAME, 'host') : getCookie(c, NAME)) ?? null
  }

  /** `null`: the browser has the right one. */
  write(c: Context, secret: string | null): void {
    if (secret === null) return
    const options = { path: '/', httpOnly: true, sameSite: 'Lax', maxAge: DEVICE_LIFE / 1_000 } as const
    if (this.#secure) setCookie(c, NAME, secret, { ...options, prefix: 'host', secure: true })
    else setCookie(c, NAME, secret, options)
  }
}

const NAME = 'device'
