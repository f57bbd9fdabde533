import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Certificate } from 'portcullis/plugin'
import { readDetails, readStapledScts, type Sct } from 'portcullis/x509'
import { uint, vector } from './vector.js'

/** A log has signed a precertificate (RFC 6962 section 3.2). */
const PRECERT_ENTRY = 1
const MAX_KNOWN = 5000

/** The timestamps in a leaf, and what their logs have signed. */
export interface Stamped {
  readonly scts: readonly Sct[]
  /** Undefined where nothing needs it: no timestamps, or no issuer. */
  readonly entry: Buffer | undefined
}

/** Reading a certificate costs more than a handshake: one is read once. */
const known = new LRUCache<string, Stamped>({ max: MAX_KNOWN })

/**
 * @param issuer the certificate behind the leaf in the built chain: embedded timestamps are about its key
 * @throws what makes the certificate unreadable
 */
export function stampedOf(leaf: Certificate, issuer: Certificate | undefined): Stamped {
  const key = `${leaf.sha256} ${issuer?.sha256}`
  const found = known.get(key)
  if (found !== undefined) return found
  const details = readDetails(leaf)
  const { scts } = details
  const isNeeded = scts.length > 0 && issuer !== undefined
  const stamped = {
    scts,
    entry: isNeeded ? precertEntry(details.precertificateTbs(), readDetails(issuer).spki) : undefined,
  }
  known.set(key, stamped)
  return stamped
}

const precertEntry = (tbs: Buffer, issuerKey: Buffer): Buffer =>
  Buffer.concat([uint(PRECERT_ENTRY, 2), createHash('sha256').update(issuerKey).digest(), vector(tbs, 3)])

const stapled = new LRUCache<string, readonly Sct[]>({ max: MAX_KNOWN })

/** The timestamps in a stapled response, which an origin sends for hours. @throws what makes it unreadable */
export function stapledScts(response: Buffer): readonly Sct[] {
  const key = createHash('sha256').update(response).digest('base64')
  const scts = stapled.get(key) ?? readStapledScts(response)
  stapled.set(key, scts)
  return scts
}
