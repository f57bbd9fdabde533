import type { Current } from '../../../base/current.js'
import { ProxyError } from '../../../base/errors.js'
import { networkOf } from '../../../base/network.js'
import { describe } from '../../../base/thrown.js'
import type { EndTls } from '../../../http/connect/bump.js'
import { InboundHandshake } from '../../../tls/inbound/handshake.js'
import type { MintedLeaf } from '../../../tls/inbound/mint.js'
import type { InboundSettings } from '../../../tls/inbound/settings.js'
import type { BumpAuthority } from './bump-authority.js'
import type { BumpCertificates } from './bump-certificates.js'
import type { InboundCertificates } from './certificates.js'
import { type HandshakeParts, type InboundGeneration, offered, settingsOf } from './handshake-settings.js'

/** What a generation has when some CONNECT is bumped. */
export interface Bump {
  readonly authority: BumpAuthority
  readonly certificates: BumpCertificates
}

export interface BumpGeneration extends InboundGeneration {
  readonly bump: Bump | undefined
  readonly certificates: InboundCertificates | undefined
}

/**
 * TLS with clients inside a CONNECT: as on an ssl port, but what is shown is minted once the origin is accepted. Nothing is
 * minted for an origin that is refused: its client gets an alert, or the page where a leaf of earlier is at hand. An origin
 * about which a question stays open is not refused: a leaf is minted, and under it the client gets 503 and no more.
 * @param judged the generation that has judged the CONNECT; it stays until TLS is called for
 */
export function bumpPort(
  current: Current<BumpGeneration>,
  judged: BumpGeneration,
  parts: HandshakeParts,
): EndTls {
  return (tcp, { vconn }, port, verify) =>
    new Promise((resolve, reject) => {
      // A reload may have taken the authority away since the CONNECT was judged.
      const generation = current().bump === undefined ? judged : current()
      const { bump, certificates } = generation
      if (bump === undefined) throw new ProxyError('PTC_INTERNAL', 'a tunnel to bump without an authority')
      if (vconn === undefined) throw new ProxyError('PTC_INTERNAL', 'a client without a VConn')
      const settings = settingsOf(
        generation,
        parts,
        shownOf(bump, certificates, port, verify, networkOf(vconn.remoteAddress)),
      )
      const leave = generation.inFlight.waits.enter()
      try {
        const handshake = new InboundHandshake(
          tcp,
          vconn,
          settings,
          (link, verified, protocol) => {
            leave()
            const shown = verified && { ...verified, trust: bump.certificates.clientTrust }
            resolve({ link, shown, protocol })
          },
          why => {
            leave()
            reject(why)
          },
        )
        handshake.start()
      } catch (cause) {
        leave()
        reject(new ProxyError('PTC_INTERNAL', describe(cause), { cause }))
      }
    })
}

function shownOf(
  { authority, certificates }: Bump,
  ports: InboundCertificates | undefined,
  port: number,
  verify: Parameters<EndTls>[3],
  network: string,
): Parameters<typeof settingsOf>[2] {
  let minted: { readonly host: string; readonly leaf: MintedLeaf; readonly hasHttp2: boolean } | undefined
  const known = (): NonNullable<typeof minted> => {
    if (minted === undefined) throw new ProxyError('PTC_INTERNAL', 'a client came before its certificate')
    return minted
  }
  const prepare: InboundSettings['prepare'] = async (sni, signal) => {
    const { host, refusal, mayMint, hasHttp2 } = await verify(sni, signal)
    const leaf = mayMint ? await authority.leafFor(host, network) : authority.knownLeaf(host, network)
    if (leaf === undefined) throw refusal
    certificates.of(leaf, network) // what is wrong with it refuses the client while there is an alert for it
    minted = { host, leaf, hasHttp2 }
  }
  return {
    prepare,
    alpn: () => offered(known().hasHttp2),
    context: certificates.base,
    choose: () => certificates.of(known().leaf, network),
    sessionsFor: () => certificates.sessionsFor(known().host, port),
    named: name => ports?.named(name),
    makeContext: pems => certificates.makeContext(pems, network),
  }
}
