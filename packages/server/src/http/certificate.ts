import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:https'
import { createSecureContext } from 'node:tls'
import type { Authority } from '../authority.ts'
import { codeOf, StartError } from '../start-error.ts'

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

/** What is in them. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** How often the files are looked at, in milliseconds. */
export const LOOK_AGAIN = 30_000

export const CERTIFICATE_FAULT = 'tls-cert and tls-key cannot be used'

/** Throws `StartError`. */
export function readCertificate({ cert, key }: CertificateFiles): Certificate {
  try {
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
  } catch (error) {
    throw new StartError(`${CERTIFICATE_FAULT} (${codeOf(error)}).`)
  }
}

/**
 * Takes renewed certificates without a restart, for connections that begin from then on. The files are read again and again:
 * that goes however they are replaced. A pair that cannot be used is left alone; the log says so once it is found a second
 * time, since it may have been half written.
 */
export class FollowedCertificate {
  readonly #servers: readonly Pick<Server, 'setSecureContext'>[]
  readonly #files: CertificateFiles
  readonly #authority: Pick<Authority, 'environment' | 'log'>
  #used: string
  #refused = { found: '', times: 0 }
  #ended = false
  #cancel: () => void = () => {}

  constructor(
    servers: readonly Pick<Server, 'setSecureContext'>[],
    { files, used }: { readonly files: CertificateFiles; readonly used: Certificate },
    authority: Pick<Authority, 'environment' | 'log'>,
  ) {
    this.#servers = servers
    this.#files = files
    this.#used = textOf(used)
    this.#authority = authority
    this.#schedule()
  }

  end(): void {
    this.#ended = true
    this.#cancel()
  }

  #schedule(): void {
    if (!this.#ended) this.#cancel = this.#authority.environment.setTimer(LOOK_AGAIN, () => void this.#look())
  }

  async #look(): Promise<void> {
    const { cert, key } = this.#files
    try {
      this.#take({ cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') })
    } catch (error) {
      this.#refuse(codeOf(error), codeOf(error))
    }
    this.#schedule()
  }

  #take(pair: Certificate): void {
    const found = textOf(pair)
    if (found === this.#used) return
    try {
      // An empty text would be taken for no certificate at all.
      createSecureContext({ cert: pair.cert || ' ', key: pair.key || ' ' })
    } catch (error) {
      this.#refuse(found, codeOf(error))
      return
    }
    for (const server of this.#servers) server.setSecureContext(pair)
    this.#used = found
    this.#authority.log.info('the renewed certificate is in use')
  }

  #refuse(found: string, code: string): void {
    const times = found === this.#refused.found ? this.#refused.times + 1 : 1
    this.#refused = { found, times }
    if (times === 2) this.#authority.log.error({ code }, 'the renewed certificate cannot be used')
  }
}

function textOf({ cert, key }: Certificate): string {
  return `${cert}\n${key}`
}
