import type { PeerEvidence } from '../../api/certificate.js'

/**
 * X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, …_LOCALLY, and X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: no path to an anchor,
 * because a certificate is missing.
 */
const MISSING: ReadonlySet<number> = new Set([2, 20, 21])

/** Whether the built-in check found no issuer, as where an origin has left one out. */
export function isIncomplete({ checks: { signature } }: Pick<PeerEvidence, 'checks'>): boolean {
  return MISSING.has(signature.code)
}

/** Whether `by` completes `evidence`: the same chain as sent, which has a good path now and had none before. */
export function completes(by: PeerEvidence, evidence: PeerEvidence): boolean {
  return by.chain === evidence.chain && isIncomplete(evidence) && by.checks.signature.ok
}
