import type { VerifiedAddress } from '../../origin/prober.js'
import type { TunnelWay } from './tunnel.js'
import type { TunnelJudgement } from './tunnel-judgement.js'

/** How often the names are verified before a tunnel is given up whose acceptances end again and again. */
const ATTEMPTS = 2

/**
 * The address of an origin that is verified under the name of the ClientHello, and, where that is another one, under the
 * name of the CONNECT as well. One acceptance may end while the other is awaited: it is then made anew.
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
  let first = before
  for (let attempts = 1; ; attempts++) {
    const verified = await way.verified(host, announce)
    const holds = (): boolean => first.holds() && verified.holds()
    if (holds() || attempts === ATTEMPTS) return { ...verified, holds }
    if (!first.holds()) first = await way.verifiedAnew(connected)
  }
}
