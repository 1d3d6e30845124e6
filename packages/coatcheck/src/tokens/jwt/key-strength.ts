/** Bits of an RSA modulus: RFC 7518, section 3.3, and what takes no second to verify with. */
const SHORTEST_RSA = 2_048
const LONGEST_RSA = 8_192

/** Why an RSA key must not be trusted, `null` for one that may be (JWT-12). Both numbers are big-endian. */
export function rsaWeakness(modulus: Uint8Array, exponent: Uint8Array): string | null {
  const n = toBigInt(modulus)
  const e = toBigInt(exponent)
  const bits = n.toString(2).length
  if (modulus[0] === 0 || exponent[0] === 0) return 'has a number that begins with a zero byte'
  if (bits < SHORTEST_RSA) return `has ${bits} bits, fewer than ${SHORTEST_RSA}`
  if (bits > LONGEST_RSA) return `has ${bits} bits, more than ${LONGEST_RSA}`
  if (n % 2n === 0n) return 'has an even modulus'
  if (e <= 2n || e % 2n === 0n || exponent.length > 8) return 'has a public exponent that is even, 1 or huge'
  if (isRoca(n)) return 'comes from a generator whose keys can be factored (ROCA, CVE-2017-15361)'
  return null
}

const FIELD = 2n ** 255n - 19n

/** The y of the points of order 8, but for its sign; those of order 1, 2 and 4 have 1, -1 and 0. */
const ORDER_8 = 0x5fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n

/**
 * Why an Ed25519 key must not be trusted, `null` for one that may be. A point of small order is a key whose signatures anybody can
 * make: R = the neutral point, S = 0 is one of every eighth message at least (RFC 8725, 3.4 and 3.5; Chalkias et al., "Taming the
 * many EdDSAs", 2020). OpenSSL before 3.5 (Node 22) takes them.
 */
export function ed25519Weakness(point: Uint8Array): string | null {
  const y = toBigInt(point.toReversed()) % 2n ** 255n
  if (y >= FIELD) return 'has a coordinate that is not in its one spelling'
  const isSmall = [0n, 1n, ORDER_8].some((small) => y === small || y === FIELD - small)
  return isSmall ? 'is a point of small order, for which anybody can sign' : null
}

const ROCA_PRIMES = [
  ...[3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97],
  ...[101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167],
]

/**
 * The fingerprint of Nemec et al., "The Return of Coppersmith's Attack" (2017): both primes are k·M + (65537^a mod M), so the
 * modulus is a power of 65537 for each small prime of M. Another modulus passes by chance once in 2^27.
 */
function isRoca(modulus: bigint): boolean {
  return ROCA_PRIMES.every((prime) => isPowerOf65537(Number(modulus % BigInt(prime)), prime))
}

function isPowerOf65537(residue: number, prime: number): boolean {
  const generator = 65_537 % prime
  let power = 1
  do {
    if (power === residue) return true
    power = (power * generator) % prime
  } while (power !== 1)
  return false
}

function toBigInt(bytes: Uint8Array): bigint {
  return bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n)
}
