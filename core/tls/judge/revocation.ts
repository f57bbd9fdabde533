/** What is revoked, as plugins and operators say it: a host, a key, a certificate, a verdict, or everything. */
import type { Revocation } from '../../api/plugin.js'
import { ProxyError } from '../../base/errors.js'
import { parseHost } from '../../base/host.js'
import type { LeafDigests } from './leaf-digests.js'

/**
 * Whether an acceptance is revoked. The digests are computed only when they are needed.
 * @param key of a remembered verdict; undefined for an item that rests on verdicts
 */
export type IsRevoked = (host: string, leaf: () => LeafDigests | undefined, key?: string) => boolean

/** Characters of a host, a digest or a key. */
const MAX_VALUE = 1000

/** A revocation and its text for the log. */
export interface Revoked {
  readonly isRevoked: IsRevoked
  readonly what: string
  /** The same for another process of the proxy, which may have no verdict under that key; digests in hex. */
  readonly elsewhere: Revocation
}

/**
 * Makes a predicate from the request of a plugin or an operator: one of the forms of `Revocation`, or a verdict's key.
 * @param hostOf the host that a remembered verdict is about, by its key
 * @throws {ProxyError} PTC_REVOCATION when it has none of these forms
 */
export function readRevocation(wanted: unknown, hostOf: (key: string) => string | undefined): Revoked {
  if (wanted === 'all') return { isRevoked: () => true, what: 'everything', elsewhere: wanted }
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

/** A plugin in plain JavaScript may pass an object whose getters throw. */
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
  elsewhere: { host },
})

/** One remembered verdict. Items that rest on verdicts do not say on which: all items of its host are removed, too. */
function ofKey(wanted: string, of: string | undefined): Revoked {
  if (of === undefined) throw new ProxyError('PTC_REVOCATION', `no verdict is remembered under key ${wanted}`)
  const isRevoked: IsRevoked = (host, _leaf, key) =>
    key === undefined ? withoutDot(host) === withoutDot(of) : key === wanted
  return { isRevoked, what: `verdict ${wanted} about ${of}`, elsewhere: { host: of } }
}

const ofLeaf = (of: keyof LeafDigests, word: string, hex: string): Revoked => ({
  isRevoked: (_host, leaf) => isSame(leaf(), of, hex),
  what: `${word} ${hex}`,
  elsewhere: of === 'spki' ? { spki: hex } : { certificate: hex },
})

/** An item that may be about the revoked certificate counts as revoked. */
function isSame(leaf: LeafDigests | undefined, of: keyof LeafDigests, hex: string): boolean {
  const known = leaf?.[of]
  return known === undefined || known === hex
}

const withoutDot = (host: string): string => (host.endsWith('.') ? host.slice(0, -1) : host)

/** In the form of request targets. IPv6 may have its brackets. */
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
