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
    const leaf = evidence?.chain[0]
    return {
      subject: leaf?.subject,
      issuer: leaf?.issuer,
      sha256: leaf?.sha256,
      verdict: rejection.hold === undefined ? 'rejected' : 'postponed',
      by,
      parked: Math.round(parked),
      rejection,
      x509: rejection.name,
    }
  }
  if (tunnel !== undefined) {
    const {
      subject,
      issuer,
      leafSha256: sha256,
      decidedBy = 'nobody',
      tolerated = [],
    } = tunnel.acceptance ?? NONE
    return accepted({ subject, issuer, sha256 }, decidedBy, tolerated, tunnel.parked)
  }
  if (channel?.peer === undefined) return undefined
  const { evidence, decidedBy, tolerated } = channel.peer
  const names = tolerated.map(({ name }) => name)
  return accepted(evidence.chain[0], decidedBy, names, isReused ? 0 : channel.parked)
}

const NONE: Partial<NonNullable<NonNullable<Summary['tunnel']>['acceptance']>> = {}

type Leaf = Partial<Pick<LoggedCertificate, 'subject' | 'issuer' | 'sha256'>>

/** One literal, because it is made for every request (docs/performance.md says what a spread costs). */
function accepted(
  leaf: Leaf | undefined,
  by: VerifiedPeer['decidedBy'],
  tolerated: readonly string[],
  parked = 0,
): LoggedCertificate {
  return {
    subject: leaf?.subject,
    issuer: leaf?.issuer,
    sha256: leaf?.sha256,
    verdict: by === 'nobody' ? 'unverified' : 'accepted',
    by,
    parked: Math.round(parked),
    rejection: undefined,
    x509: tolerated.length === 0 ? undefined : tolerated.join(','),
  }
}
