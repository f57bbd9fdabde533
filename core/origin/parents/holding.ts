import type { Current } from '../../base/current.js'
import { areWithdrawn, type RevocationLog } from '../../tls/judge/revocation-log.js'
import type { OriginLink } from '../../vconn/origin-link.js'
import { hasEndedSince } from '../ended.js'
import type { ReachOptions } from './reach.js'
import { placeOf } from './way.js'

export interface HoldingOptions {
  readonly dial: Current<ReachOptions>
  /** What was revoked lately. */
  readonly revocations: RevocationLog
}

/**
 * What a connection rests on, beside the verdict about its origin. A tunnel that waits may pass on it for as long as its address
 * is not denied, and the acceptance of an https parent on the way was not revoked and has not ended meanwhile.
 * @returns whether a tunnel that waits from now on may pass
 */
export function holdingWay(tcp: OriginLink, { dial, revocations }: HoldingOptions): () => boolean {
  const since = Date.now()
  const { host, parent } = placeOf(tcp)
  return () =>
    !areWithdrawn(revocations, parent) &&
    !hasEndedSince(since, parent?.peer.expiresAt) &&
    dial().isDenied?.(host) !== true
}
