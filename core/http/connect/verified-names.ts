import type { VerifiedAddress } from '../../origin/prober.js'
import { withdrawn } from './request.js'
import type { TunnelWay } from './tunnel.js'
import type { TunnelJudgement } from './tunnel-judgement.js'

/** How often the names are verified before a tunnel is given up whose acceptances end again and again. */
const ATTEMPTS = 2

/** As it is, or made anew once. @throws {ProxyError} PTC_ORIGIN_CLOSED where that was revoked, too */
export async function stillVerified(
  verified: VerifiedAddress,
  anew: () => Promise<VerifiedAddress>,
): Promise<VerifiedAddress> {
  if (verified.holds()) return verified
  const next = await anew()
  if (!next.stands()) throw withdrawn()
  return next
}

/**
 * The address of an origin that is verified under the name of the ClientHello, and, where that is another one, under the
 * name of the CONNECT as well. A revocation of one acceptance while the other is awaited has it made anew.
 * @param connected the name of the CONNECT
 * @param before the acceptance under it; undefined: none is demanded
 * @returns with `holds` for both; the caller looks there before the tunnel passes
 */
export async function verifiedUnder(
  { host, announced }: Pick<TunnelJudgement, 'host' | 'announced'>,
  connected: string,
  way: Pick<TunnelWay, 'verified' | 'verifiedAnew'>,
  before: VerifiedAddress | undefined,
): Promise<VerifiedAddress> {
  const announce = announced ?? null
  if (before === undefined || host === connected) {
    const isCovered = before !== undefined && before.announced === announced
    const verified = isCovered ? before : await way.verified(host, announce)
    return verified.holds() ? verified : way.verifiedAnew(host, announce)
  }
  let first = await stillVerified(before, () => way.verifiedAnew(connected))
  let verified = await way.verified(host, announce)
  for (let attempts = 1; ; attempts++) {
    const one = first
    const two = verified
    // The first one may end in time now, as that of a request which is sent may.
    const holds = (): boolean => one.stands() && two.holds()
    if (holds() || attempts === ATTEMPTS) return { ...two, holds }
    if (!one.stands()) first = await way.verifiedAnew(connected)
    verified = await way.verifiedAnew(host, announce)
  }
}
