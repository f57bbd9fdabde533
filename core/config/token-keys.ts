import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { didYouMean } from '../base/nearest.js'
import { certificatesInPem } from '../base/pem.js'
import { describe } from '../base/thrown.js'
import { readX509 } from '../base/x509.js'
import { type Problem, partsOf, problemsError, quote, type Reading, readConfigFile } from './config-file.js'
import type { NamedFile } from './record-place.js'

/** A public key that signatures of tokens are checked with. */
export interface TokenKey {
  readonly key: KeyObject
  /** The name that tokens call it by; undefined: the file gives no name, and the key is for every token. */
  readonly kid: string | undefined
  /** The algorithms that it is for, by its type and by what the file says. */
  readonly algorithms: readonly string[]
}

const RSA = ['RS256', 'RS384', 'RS512']
const RSA_PSS = ['PS256', 'PS384', 'PS512']
const EDWARDS = ['EdDSA', 'Ed25519']
const CURVES: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
}

/**
 * The algorithms that there are (RFC 7518, RFC 8037, RFC 9864): of signatures by a private key alone. A shared secret is not
 * among them, so that no public key can be used as one.
 */
const TOKEN_ALGORITHMS: readonly string[] = [...RSA, ...RSA_PSS, ...Object.values(CURVES).flat(), ...EDWARDS]

/** Reads names of algorithms, with blanks or commas between them. */
export function readTokenAlgorithms(text: string): Reading<{ readonly algorithms: readonly string[] }> {
  const algorithms = partsOf(text)
  const wrong = algorithms
    .filter(word => !TOKEN_ALGORITHMS.includes(word))
    .map(
      word =>
        `${quote(word)} is not one of ${TOKEN_ALGORITHMS.join(', ')}${didYouMean(word, TOKEN_ALGORITHMS)}`,
    )
  return { algorithms, wrong: algorithms.length === 0 ? ['the list names no algorithm'] : wrong }
}

/** A token that names no key may be tried with all that fit. */
const MAX_KEYS = 64
const MIN_RSA_BITS = 2048

/**
 * Reads public keys: a JWKS or a JWK (RFC 7517), or PEM with public keys and certificates.
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE, or PTC_TOKEN_KEYS_INVALID with every key that cannot be used; no error shows one
 */
export const loadTokenKeys = ({ path, by }: NamedFile): readonly TokenKey[] =>
  parseTokenKeys(readConfigFile(path, by), path)

/** @throws {ProxyError} PTC_TOKEN_KEYS_INVALID */
export function parseTokenKeys(text: string, file: string): readonly TokenKey[] {
  const problems: Problem[] = []
  const keys: TokenKey[] = []
  const found = /^\s*\{/.test(text) ? inJson(text) : inPem(text)
  if (typeof found === 'string') problems.push({ where: file, what: found })
  else
    for (const [i, read] of found.entries()) {
      const key = readKey(read)
      if (typeof key === 'string') problems.push({ where: file, what: `key ${i + 1} ${key}` })
      else if (key !== undefined) keys.push(key)
    }
  if (problems.length === 0 && keys.length === 0)
    problems.push({ where: file, what: 'there is no public key; write a JWKS, a JWK, or PEM' })
  if (keys.length > MAX_KEYS)
    problems.push({ where: file, what: `there are ${keys.length} keys, more than ${MAX_KEYS}` })
  if (problems.length > 0) throw problemsError('PTC_TOKEN_KEYS_INVALID', problems)
  return keys
}

/** The facts about a key before it is imported; a text says what is wrong. */
interface Found {
  readonly make: () => KeyObject
  readonly kid?: unknown
  readonly alg?: unknown
}

/** Undefined for a key of a JWKS that is for encryption. */
function readKey(found: Found | string | undefined): TokenKey | string | undefined {
  if (found === undefined || typeof found === 'string') return found
  let key: KeyObject
  try {
    key = found.make()
  } catch (cause) {
    return `cannot be read: ${describe(cause)}`
  }
  const { kid, alg } = found
  if (kid !== undefined && typeof kid !== 'string') return 'has a kid that is no text'
  const { modulusLength = MIN_RSA_BITS } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < MIN_RSA_BITS) return `has ${modulusLength} bits; ${MIN_RSA_BITS} is the least for RSA`
  const fitting = algorithmsOf(key)
  if (fitting.length === 0) return `is of a type that signs no tokens: ${key.asymmetricKeyType}`
  const algorithms = alg === undefined ? fitting : fitting.filter(name => name === alg)
  return algorithms.length === 0
    ? `has an alg that its type has not, or that is not supported`
    : { key, kid, algorithms }
}

function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] {
  if (asymmetricKeyType === 'rsa') return [...RSA, ...RSA_PSS]
  if (asymmetricKeyType === 'ec') return CURVES[asymmetricKeyDetails?.namedCurve ?? ''] ?? []
  return asymmetricKeyType === 'ed25519' ? EDWARDS : []
}

const PRIVATE =
  'is a private key; the proxy needs the public one alone: take the other one away, it is known now'

function inJson(text: string): readonly (Found | string | undefined)[] | string {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return 'the file begins as JSON, and is none'
  }
  const { keys = [value] } = value as { readonly keys?: unknown }
  return Array.isArray(keys) ? keys.map(ofJwk) : 'keys is no list'
}

function ofJwk(jwk: unknown): Found | string | undefined {
  if (typeof jwk !== 'object' || jwk === null) return 'is no object'
  const { kty, d, k, use, key_ops: operations, kid, alg } = jwk as Record<string, unknown>
  if (kty === 'oct' || k !== undefined)
    return 'is a shared secret, with which every proxy could make tokens; let them be signed by a private key'
  if (d !== undefined) return PRIVATE
  if (use === 'enc' || (Array.isArray(operations) && !operations.includes('verify'))) return undefined
  return { make: () => createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }), kid, alg }
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/g

function inPem(text: string): readonly (Found | string)[] {
  return [...text.matchAll(BLOCK)].map(([block, label = '', base64 = '']) => {
    if (label.endsWith('PRIVATE KEY')) return PRIVATE
    if (label === 'CERTIFICATE') {
      return { make: () => readX509(certificatesInPem(block)[0] ?? Buffer.alloc(0)).publicKey }
    }
    const type = { 'PUBLIC KEY': 'spki', 'RSA PUBLIC KEY': 'pkcs1' }[label]
    if (type !== 'spki' && type !== 'pkcs1') return `is ${label}, and no public key`
    const key = Buffer.from(base64, 'base64')
    return { make: () => createPublicKey({ key, format: 'der', type }) }
  })
}
