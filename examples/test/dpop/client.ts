const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** A client that has a key which nobody can copy, and proves with every request that it has it. */
export async function createDpopClient(send: (request: Request) => Promise<Response> = fetch) {
  const keys = await crypto.subtle.generateKey(ECDSA, false, ['sign', 'verify'])
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', keys.publicKey)
  let token: string | null = null
  let nonce: string | null = null

  async function proofFor(method: string, url: string): Promise<string> {
    const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } }
    const claims = {
      jti: crypto.randomUUID(),
      htm: method,
      htu: url,
      iat: Math.floor(Date.now() / 1000),
      ...(nonce === null ? {} : { nonce }),
      ...(token === null ? {} : { ath: base64Url(await crypto.subtle.digest('SHA-256', utf8(token))) }),
    }
    const signed = `${base64Url(utf8(JSON.stringify(header)))}.${base64Url(utf8(JSON.stringify(claims)))}`
    return `${signed}.${base64Url(await crypto.subtle.sign(ECDSA, keys.privateKey, utf8(signed)))}`
  }

  async function attempt(request: Request): Promise<Response> {
    const proven = request.clone()
    proven.headers.set('DPoP', await proofFor(request.method, request.url))
    if (token !== null) proven.headers.set('Authorization', `DPoP ${token}`)
    const response = await send(proven)
    nonce = response.headers.get('DPoP-Nonce') ?? nonce
    return response
  }

  return {
    async fetch(url: string, init?: RequestInit): Promise<Response> {
      const request = new Request(url, init)
      const response = await attempt(request)
      const challenge = response.headers.get('WWW-Authenticate') ?? ''
      // The nonce is there now: once more, with a new proof.
      return challenge.includes('error="use_dpop_nonce"') ? attempt(request) : response
    },
    async login(url: string, user: string, password: string): Promise<void> {
      const response = await this.fetch(url, { method: 'POST', body: JSON.stringify({ user, password }) })
      if (!response.ok) throw new Error(`The login answered ${response.status}.`)
      token = ((await response.json()) as { access_token: string }).access_token
    },
    /** Only for looking at it: without the key it is worth nothing. */
    get token(): string | null {
      return token
    },
  }
}

function utf8(text: string) {
  return new TextEncoder().encode(text)
}

function base64Url(bytes: ArrayBuffer | Uint8Array): string {
  const text = String.fromCharCode(...new Uint8Array(bytes))
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
