import type { PeerEvidence } from 'portcullis/plugin'
import { provenPath, spkiOf } from '../certificates/fingerprints.js'
import type { Secret } from './secrets-file.js'

/**
 * Why the origin of a connection may not have a secret; undefined if it may.
 * @param verified what it was accepted for
 */
export function whyNot({ isFor, spki }: Secret, verified: PeerEvidence | undefined): string | undefined {
  if (verified === undefined) return 'its origin was not verified'
  const { host, builtIn, checks } = verified
  if (!isFor(host)) return `it is not for ${host}`
  if (spki.size > 0) return hasKey(spki, verified) ? undefined : `${host} shows none of its keys`
  // `builtIn` is only as strict as the records are.
  const isWhole = builtIn.ok && checks.signature.ok && checks.name.ok && checks.rule?.ok !== false
  return isWhole ? undefined : `${host} has not passed the built-in check`
}

/** A leaf with the key has proved it in the handshake; the key of an issuer also needs the right name. */
function hasKey(spki: ReadonlySet<string>, verified: PeerEvidence): boolean {
  const [leaf, ...issuers] = provenPath(verified)
  if (leaf !== undefined && spki.has(spkiOf(leaf))) return true
  return verified.checks.name.ok && issuers.some(issuer => spki.has(spkiOf(issuer)))
}
