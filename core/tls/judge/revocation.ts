/**
 * Acceptances that are withdrawn, and everything that rests on them.
 *
 * What is kept is looked at one by one, and goes if it is about what was revoked: remembered verdicts, sessions, verified
 * addresses, idle connections. Of what is under way at that moment (a handshake, a question, a request on its connection)
 * nobody knows what it will turn out to rest on: it goes on to its end, and then nothing of it is kept, whatever it was
 * about. Every keeper counts revocations for that, and compares what a thing began under with what is the case.
 */
import { createHash } from 'node:crypto'
import type { Certificate } from '../../api/certificate.js'
import { ProxyError } from '../../base/errors.js'
import { parseHost } from '../../base/host.js'
import { subjectPublicKeyInfo } from './certificate-parts.js'

/** SHA-256 of a leaf and of its public key, hex. */
export interface LeafDigests {
  readonly certificate: string
  /** Undefined where the key cannot be found: nobody can tell that it is not the one revoked. */
  readonly spki: string | undefined
}

/**
 * Whether an acceptance is revoked; the digests are asked for where they count.
 * @param key of a remembered verdict; without it the question is about something that rests on verdicts
 */
export type IsRevoked = (host: string, leaf: () => LeafDigests | undefined, key?: string) => boolean

/** One kept kind of thing. `revoke` returns how many went. */
export type Keeper = (isRevoked: IsRevoked) => number

/** In the order in which they are asked: whatever a closing connection sets off finds the rest forgotten. */
const KINDS = ['verdicts', 'sessions', 'addresses', 'connections'] as const

export type Kind = (typeof KINDS)[number]

/** How much of each kind went. */
export type RevokedCounts = Readonly<Record<Kind, number>>

export function leafDigests({
  chain: [leaf],
}: {
  readonly chain: readonly Certificate[]
}): LeafDigests | undefined {
  if (leaf === undefined) return undefined
  return { certificate: leaf.sha256, spki: spkiOf(leaf.der) }
}

function spkiOf(der: Buffer): string | undefined {
  try {
    return createHash('sha256').update(subjectPublicKeyInfo(der)).digest('hex')
  } catch {
    return undefined
  }
}

/** Characters of a host, a digest or a key. */
const MAX_VALUE = 1000

/** A revocation, and its words for the log. */
export interface Revoked {
  readonly isRevoked: IsRevoked
  readonly what: string
}

/**
 * Makes a test of what a plugin, or an operator, wants revoked: one of the forms of `Revocation`, or a verdict by its key.
 * @param hostOf the host that a remembered verdict is about, by its key
 * @throws {ProxyError} PTC_REVOCATION when it is nothing of the kind
 */
export function readRevocation(wanted: unknown, hostOf: (key: string) => string | undefined): Revoked {
  if (wanted === 'all') return { isRevoked: () => true, what: 'everything' }
  const [[name, value] = [], ...more] = entriesOf(wanted)
  if (more.length > 0 || typeof value !== 'string' || value.length > MAX_VALUE) throw notRevocable()
  switch (name) {
    case 'host':
      return ofHost(readHost(value))
    case 'key':
      return ofKey(value, hostOf(value))
    case 'spki':
      return ofLeaf('spki', 'public key', readDigest(value))
    case 'certificate':
      return ofLeaf('certificate', 'certificate', readDigest(value))
    default:
      throw notRevocable()
  }
}

/** A plugin in plain JavaScript may give what throws when it is looked into. */
function entriesOf(wanted: unknown): readonly (readonly [string, unknown])[] {
  try {
    return typeof wanted === 'object' && wanted !== null ? Object.entries(wanted) : []
  } catch {
    throw notRevocable()
  }
}

const ofHost = (host: string): Revoked => ({
  isRevoked: of => withoutDot(of) === host,
  what: `host ${host}`,
})

/** One remembered verdict. What rests on verdicts does not say on which, so that all of its host goes with it. */
function ofKey(wanted: string, of: string | undefined): Revoked {
  if (of === undefined) throw new ProxyError('PTC_REVOCATION', `no verdict is remembered under key ${wanted}`)
  const isRevoked: IsRevoked = (host, _leaf, key) =>
    key === undefined ? withoutDot(host) === withoutDot(of) : key === wanted
  return { isRevoked, what: `verdict ${wanted} about ${of}` }
}

const ofLeaf = (of: keyof LeafDigests, word: string, hex: string): Revoked => ({
  isRevoked: (_host, leaf) => isSame(leaf(), of, hex),
  what: `${word} ${hex}`,
})

/** What nobody can tell apart from what was revoked is revoked. */
function isSame(leaf: LeafDigests | undefined, of: keyof LeafDigests, hex: string): boolean {
  const known = leaf?.[of]
  return known === undefined || known === hex
}

const withoutDot = (host: string): string => (host.endsWith('.') ? host.slice(0, -1) : host)

/** In the form that targets of requests have. IPv6 may have its brackets. */
function readHost(text: string): string {
  const host = parseHost(text.replace(/^\[(.*:.*)\]$/, '$1'))
  if (host === undefined)
    throw new ProxyError('PTC_REVOCATION', `"${text}" is not the name or address of a host`)
  return host.name
}

/** As hex. */
function readDigest(text: string): string {
  const hex = text.replaceAll(':', '').toLowerCase()
  if (/^[0-9a-f]{64}$/.test(hex)) return hex
  const isBase64 = /^[\w+/-]{43}=?$/.test(text)
  const bytes = isBase64 ? Buffer.from(text, 'base64') : undefined
  if (bytes?.length === 32) return bytes.toString('hex')
  throw new ProxyError('PTC_REVOCATION', `"${text}" is no SHA-256 digest in base64 or hex`)
}

const notRevocable = (): ProxyError =>
  new ProxyError(
    'PTC_REVOCATION',
    "one of { host }, { spki }, { certificate }, each a string, or 'all' can be revoked",
  )

/** Everything that keeps acceptances, or what rests on them; lives as long as the program. */
export class Revocations {
  readonly #keepers: Readonly<Record<Kind, Set<Keeper>>> = {
    verdicts: new Set(),
    sessions: new Set(),
    addresses: new Set(),
    connections: new Set(),
  }

  /** From now on `keeper` is asked at every revocation. Returns what ends that. */
  join(kind: Kind, keeper: Keeper): () => void {
    const keepers = this.#keepers[kind]
    keepers.add(keeper)
    return () => void keepers.delete(keeper)
  }

  revoke(isRevoked: IsRevoked): RevokedCounts {
    const counts = { verdicts: 0, sessions: 0, addresses: 0, connections: 0 }
    for (const kind of KINDS) for (const keeper of this.#keepers[kind]) counts[kind] += keeper(isRevoked)
    return counts
  }
}
