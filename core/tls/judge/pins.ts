import { createHash, type KeyObject } from 'node:crypto'
import { readX509 } from '../../base/x509.js'
import { type AltName, altNames, subjectPublicKeyInfo } from './certificate-parts.js'

/** Matches alternative names against one pattern of a rule. */
export interface SanMatcher {
  readonly matches: (name: AltName) => boolean
  /** The cost of matching this name: instructions, in the worst case. */
  readonly costOf: (name: AltName) => number
  readonly text: string
}

/** What a rule requires of an origin's chain in addition to the built-in check. Empty lists require nothing. */
export interface Pins {
  /** One of these must match one alternative name of the leaf. */
  readonly sans: readonly SanMatcher[]
  /** SHA-256 of the leaf's SubjectPublicKeyInfo, base64. One pin of either list is enough. */
  readonly spkiPins: ReadonlySet<string>
  /** SHA-256 of the leaf, lower-case hexadecimal. */
  readonly certPins: ReadonlySet<string>
  /** Bits; for every certificate of the chain. */
  readonly minRsaBits: number
  readonly minEcBits: number
}

/** The requirement that failed: an X509_V_ERR number, the certificate it concerns, and a sentence. */
export interface Unfulfilled {
  readonly code: number
  readonly depth: number
  readonly message: string
}

const X509_V_ERR_UNSPECIFIED = 1
const X509_V_ERR_CERT_REJECTED = 28
const X509_V_ERR_HOSTNAME_MISMATCH = 62
const X509_V_ERR_EE_KEY_TOO_SMALL = 66
const X509_V_ERR_CA_KEY_TOO_SMALL = 67

/** Limits for the alternative names of a leaf: far more than certificates in use have. */
const MOST_NAMES = 1000
const MOST_CHARACTERS = 16_384
/** The most that all matchers may cost for all names, in instructions: a tenth of a second in the worst case. */
const MOST_COST = 1_000_000
/** How many names a rejection quotes, and how much of each. */
const TOLD_NAMES = 10
const TOLD_CHARACTERS = 100

/** Bits of the keys on the curves that certificates use, as OpenSSL counts them. */
const CURVES: Readonly<Record<string, number>> = { prime256v1: 256, secp384r1: 384, secp521r1: 521 }
const ED_KEYS: Readonly<Record<string, number>> = { ed25519: 256, ed448: 456 }

/** A certificate that OpenSSL accepts and our parser cannot read satisfies no pin. */
const UNREADABLE: Unfulfilled = {
  code: X509_V_ERR_UNSPECIFIED,
  depth: 0,
  message: 'the certificate cannot be read for the pins of its rule',
}

/**
 * The first pin or limit that a chain does not satisfy.
 *
 * Pins are compared with the leaf alone: the origin proves that it holds the leaf's key. A sent issuer proves nothing.
 * @param chain DER, leaf first: the chain that was built, or that was sent
 * @param areNamesGenuine false: the check of the chain that proves the names has failed, so they are not looked at
 */
export function unfulfilled(
  pins: Pins,
  chain: readonly Buffer[],
  areNamesGenuine = true,
): Unfulfilled | undefined {
  try {
    const [leaf] = chain
    if (leaf === undefined) return UNREADABLE
    return wrongPin(pins, leaf) ?? wrongNames(pins, leaf, areNamesGenuine) ?? weakKey(pins, chain)
  } catch {
    return UNREADABLE
  }
}

function wrongPin({ spkiPins, certPins }: Pins, leaf: Buffer): Unfulfilled | undefined {
  if (spkiPins.size === 0 && certPins.size === 0) return undefined
  const spki = createHash('sha256').update(subjectPublicKeyInfo(leaf)).digest('base64')
  const certificate = createHash('sha256').update(leaf).digest('hex')
  if (spkiPins.has(spki) || certPins.has(certificate)) return undefined
  const message = `the leaf is none of those pinned: its key is ${spki}, its SHA-256 ${certificate}`
  return { code: X509_V_ERR_CERT_REJECTED, depth: 0, message }
}

function wrongNames({ sans }: Pins, leaf: Buffer, areGenuine: boolean): Unfulfilled | undefined {
  if (sans.length === 0) return undefined
  const wrong = (message: string): Unfulfilled => ({ code: X509_V_ERR_HOSTNAME_MISMATCH, depth: 0, message })
  if (!areGenuine) return wrong('the alternative names are not looked at: the chain is not verified')
  const names = altNames(leaf)
  const characters = names.reduce((sum, { value }) => sum + value.length, 0)
  if (names.length > MOST_NAMES || characters > MOST_CHARACTERS) {
    const most = `${MOST_NAMES} and ${MOST_CHARACTERS} are the most`
    return wrong(`the leaf has ${names.length} alternative names of ${characters} characters; ${most}`)
  }
  const cost = names.reduce((sum, name) => sum + sans.reduce((each, { costOf }) => each + costOf(name), 0), 0)
  if (cost > MOST_COST)
    return wrong(
      `the leaf has ${names.length} alternative names of ${characters} characters; for this rule that is too much, use shorter patterns`,
    )
  if (sans.some(({ matches }) => names.some(matches))) return undefined
  const wanted = sans.map(({ text }) => text).join(', ')
  return wrong(`no alternative name is ${wanted}; the leaf has ${told(names)}`)
}

function told(names: readonly AltName[]): string {
  if (names.length === 0) return 'none'
  const more = names.length > TOLD_NAMES ? `, and ${names.length - TOLD_NAMES} more` : ''
  const some = names.slice(0, TOLD_NAMES).map(({ type, value }) => {
    const isLong = value.length > TOLD_CHARACTERS
    return `${type} ${isLong ? `${value.slice(0, TOLD_CHARACTERS)}...` : value}`
  })
  return some.join(', ') + more
}

function weakKey({ minRsaBits, minEcBits }: Pins, chain: readonly Buffer[]): Unfulfilled | undefined {
  if (minRsaBits === 0 && minEcBits === 0) return undefined
  for (const [depth, der] of chain.entries()) {
    const { kind, bits } = keySize(readX509(der).publicKey)
    const code = depth === 0 ? X509_V_ERR_EE_KEY_TOO_SMALL : X509_V_ERR_CA_KEY_TOO_SMALL
    if (kind === undefined) return { code, depth, message: 'the key is neither RSA nor of a known curve' }
    const least = kind === 'RSA' ? minRsaBits : minEcBits
    if (bits < least)
      return { code, depth, message: `the ${kind} key has ${bits} bits, ${least} are demanded` }
  }
  return undefined
}

/** An unknown kind of key has no size, and is never enough. */
function keySize(key: KeyObject): { kind: 'RSA' | 'EC' | undefined; bits: number } {
  const { asymmetricKeyDetails = {} } = key
  const asymmetricKeyType: string = key.asymmetricKeyType ?? ''
  if (asymmetricKeyType.startsWith('rsa'))
    return { kind: 'RSA', bits: asymmetricKeyDetails.modulusLength ?? 0 }
  const { namedCurve = '' } = asymmetricKeyDetails
  const bits = CURVES[namedCurve] ?? ED_KEYS[asymmetricKeyType]
  return bits === undefined ? { kind: undefined, bits: 0 } : { kind: 'EC', bits }
}
