import { createHash } from 'node:crypto'
import type { Certificate } from '../../api/certificate.js'
import { subjectPublicKeyInfo } from './certificate-parts.js'

/** SHA-256 of a leaf and of its public key, hex. */
export interface LeafDigests {
  readonly certificate: string
  /** Undefined when the key cannot be read: it may then be the revoked one. */
  readonly spki: string | undefined
}

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
