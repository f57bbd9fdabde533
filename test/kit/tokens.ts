/** Issuers of signed tokens, by the library and by OpenSSL's own program. */
import { execFileSync } from 'node:child_process'
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { type JWTPayload, SignJWT } from 'jose'
import { readAnew } from './new-keys.js'
import { requireProgram } from './programs.js'
import { makeTempDir } from './temp-dir.js'

/** The kinds of keys that the tests use. */
export const KINDS = {
  RS256: () => readAnew(generateKeyPairSync('rsa', { modulusLength: 2048 })),
  ES256: () => readAnew(generateKeyPairSync('ec', { namedCurve: 'P-256' })),
  EdDSA: () => readAnew(generateKeyPairSync('ed25519')),
} as const

/** Also such as no good token has. */
export type Claims = Readonly<Record<string, unknown>>

export interface Issuer {
  readonly publicPem: string
  readonly privateKey: KeyObject
  /** A JWK of the public key. */
  readonly jwk: Readonly<Record<string, unknown>>
  /** A token, by default of ann for this proxy, good for a minute. */
  sign(claims?: Claims, header?: Readonly<Record<string, unknown>>): Promise<string>
}

export const now = (): number => Math.floor(Date.now() / 1000)

const claimsOf = (claims: Claims = {}): JWTPayload => ({
  ...{ sub: 'ann', aud: 'proxy.test', iss: 'https://id.test', exp: now() + 60 },
  ...claims,
})

/** @param kid in the JWK, and in the header of each token */
export function makeIssuer(alg: string, kid?: string, pair = KINDS[alg as keyof typeof KINDS]()): Issuer {
  const named = kid === undefined ? {} : { kid }
  return {
    publicPem: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKey: pair.privateKey,
    jwk: { ...pair.publicKey.export({ format: 'jwk' }), ...named },
    sign: (claims, header) =>
      new SignJWT(claimsOf(claims)).setProtectedHeader({ alg, ...named, ...header }).sign(pair.privateKey),
  }
}

export const jwks = (...keys: readonly object[]): string => JSON.stringify({ keys })

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token as an attacker writes it. */
export const forged = (header: object, claims: Claims = {}, signature = ''): string =>
  `${part(header)}.${part(claimsOf(claims))}.${signature}`

/** Signed with a secret, which here is no secret: the text of a public key. */
export function hmacToken(secret: string, header: object = { alg: 'HS256' }): string {
  const text = forged(header).replace(/\.$/, '')
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

/** Signed with RS256 by `openssl dgst`. */
export function opensslToken({ privateKey }: Issuer): string {
  const dir = makeTempDir()
  try {
    const text = forged({ alg: 'RS256', typ: 'JWT' }).replace(/\.$/, '')
    const key = dir.file('key.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
    const args = ['dgst', '-sha256', '-sign', key]
    return `${text}.${execFileSync(requireProgram('openssl'), args, { input: text }).toString('base64url')}`
  } finally {
    dir.remove()
  }
}
