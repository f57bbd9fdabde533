import type { PeerEvidence } from '../../api/certificate.js'
import { toEvidence } from '../judge/evidence.js'
import type { OutboundNames } from '../openssl/outbound-engine.js'
import type { Again } from './completing.js'
import type { CheckAgain } from './held-verdict.js'
import type { CheckShown } from './session-facts.js'
import type { OutboundSettings } from './settings.js'
import type { TlsTarget } from './start-tls.js'

/** The same code, anchors, lists, names and demands as the first check. */
export function secondCheck(
  { context, checks }: Pick<OutboundSettings, 'context' | 'checks'>,
  names: OutboundNames,
): CheckAgain {
  return (evidence: PeerEvidence, more) => {
    const sent = evidence.chain.map(({ der }) => der)
    const { protocol, cipher, group, alpn, ocspResponse, sctList } = evidence
    const shown = { protocol, cipher, group, alpn, ocspResponse, sctList }
    const check = context.check([...sent, ...more], names)
    const judged = toEvidence({ ...shown, ...check, sent }, names, checks)
    return Object.freeze({ ...judged, sni: evidence.sni, chain: evidence.chain })
  }
}

/** What plugins complete a chain with: each check waits for a slot of the processor. */
export function again(
  settings: Pick<OutboundSettings, 'context' | 'checks' | 'queue'>,
  { client: network, host }: Pick<TlsTarget, 'client' | 'host'>,
  names: OutboundNames,
  complete: Again['complete'],
): Again {
  const check = secondCheck(settings, names)
  return {
    check: (evidence, more) => settings.queue.begin({ network, host }, 0, async () => check(evidence, more)),
    complete,
  }
}

/** The built-in check of what another process was shown, in a slot of the processor. */
export const checkingShown =
  (
    settings: Pick<OutboundSettings, 'context' | 'checks' | 'queue'>,
    { client: network, host }: Pick<TlsTarget, 'client' | 'host'>,
    names: OutboundNames,
  ): CheckShown =>
  ({ sent, ...shown }) =>
    settings.queue.begin({ network, host }, 1, async () =>
      toEvidence({ ...shown, ...settings.context.check(sent, names), sent }, names, settings.checks),
    )
