import { toEvidence } from '../judge/evidence.js'
import type { OutboundNames } from '../openssl/outbound-engine.js'
import type { Again } from './completing.js'
import type { OutboundSettings } from './settings.js'
import type { TlsTarget } from './start-tls.js'

/** The same code, anchors, lists, names and demands as the first check; it waits for its turn of the processor. */
export function again(
  { context, checks, queue }: Pick<OutboundSettings, 'context' | 'checks' | 'queue'>,
  { client: network, host }: Pick<TlsTarget, 'client' | 'host'>,
  names: OutboundNames,
  complete: Again['complete'],
): Again {
  const check: Again['check'] = (evidence, more) =>
    queue.turn({ network, host }, 0, async () => {
      const sent = evidence.chain.map(({ der }) => der)
      const { protocol, cipher, group, alpn, ocspResponse } = evidence
      const shown = { protocol, cipher, group, alpn, ocspResponse }
      const check = context.check([...sent, ...more], names)
      const judged = toEvidence({ ...shown, ...check, sent }, names, checks)
      return Object.freeze({ ...judged, sni: evidence.sni, chain: evidence.chain })
    })
  return { check, complete }
}
