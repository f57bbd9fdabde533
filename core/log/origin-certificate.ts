import type { PeerEvidence } from '../api/certificate.js'
import type { Summary } from '../http/transaction/summary.js'
import { type Rejection, type VerifiedPeer, VerifyRejected } from '../tls/judge/verdict.js'

/** What is logged of an origin's certificate. */
export interface LoggedCertificate {
  readonly subject: string | undefined
  readonly issuer: string | undefined
  /** 64 hex digits. */
  readonly sha256: string | undefined
  readonly verdict: 'accepted' | 'rejected' | 'postponed' | 'unverified'
  /** What decided last. */
  readonly by: string
  /** Milliseconds that plugins held this request; 0 on a connection that had served before. */
  readonly parked: number
  readonly rejection: Rejection | undefined
  /** The names of what the built-in check found wrong: what rejected, or was tolerated. */
  readonly x509: string | undefined
}

/** Undefined for an origin that showed none. Of a blind tunnel the one thing that is known is that nothing was verified. */
export function certificateOf({ channel, tunnel, error, isReused }: Summary): LoggedCertificate | undefined {
  if (error instanceof VerifyRejected) {
    const { rejection, evidence, parked } = error
    const by = rejection.plugin === undefined ? rejection.by : `${rejection.by}:${rejection.plugin}`
    return {
      ...leafOf(evidence),
      verdict: rejection.hold === undefined ? 'rejected' : 'postponed',
      by,
      parked: Math.round(parked),
      rejection,
      x509: rejection.name,
    }
  }
  if (tunnel !== undefined && tunnel.acceptance === undefined)
    return { ...leafOf(undefined), ...accepted('nobody', []), parked: Math.round(tunnel.parked ?? 0) }
  if (tunnel?.acceptance !== undefined) {
    const { subject, issuer, leafSha256, decidedBy, tolerated } = tunnel.acceptance
    const leaf = { subject, issuer, sha256: leafSha256 }
    return { ...leaf, ...accepted(decidedBy, tolerated), parked: Math.round(tunnel.parked ?? 0) }
  }
  if (channel?.peer === undefined) return undefined
  const { evidence, decidedBy, tolerated } = channel.peer
  return {
    ...leafOf(evidence),
    ...accepted(
      decidedBy,
      tolerated.map(({ name }) => name),
    ),
    parked: isReused ? 0 : Math.round(channel.parked ?? 0),
  }
}

function accepted(
  by: VerifiedPeer['decidedBy'],
  tolerated: readonly string[],
): Pick<LoggedCertificate, 'verdict' | 'by' | 'rejection' | 'x509'> {
  const x509 = tolerated.length === 0 ? undefined : tolerated.join(',')
  return { verdict: by === 'nobody' ? 'unverified' : 'accepted', by, rejection: undefined, x509 }
}

function leafOf(
  evidence: PeerEvidence | undefined,
): Pick<LoggedCertificate, 'subject' | 'issuer' | 'sha256'> {
  const leaf = evidence?.chain[0]
  return { subject: leaf?.subject, issuer: leaf?.issuer, sha256: leaf?.sha256 }
}
