import { createHash } from 'node:crypto'
import type { Certificate, PeerEvidence } from 'portcullis/plugin'

/** SHA-256 of the SubjectPublicKeyInfo in base64, as pins are written. */
export function spkiOf({ x509 }: Certificate): string {
  return createHash('sha256')
    .update(x509.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64')
}

/**
 * The certificates whose keys the origin is known to answer for: the path that was built if its signatures hold, and
 * otherwise the leaf alone. Without signatures any certificate could stand in the path.
 */
export function provenPath({ checks, chain, builtChain }: PeerEvidence): readonly Certificate[] {
  return checks.signature.ok ? builtChain : chain.slice(0, 1)
}
