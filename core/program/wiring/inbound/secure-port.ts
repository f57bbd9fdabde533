import type { VConn } from '../../../api/vconn.js'
import type { Current } from '../../../base/current.js'
import type { Diags } from '../../../base/diags.js'
import { ProxyError } from '../../../base/errors.js'
import { networkOfAddress } from '../../../base/network.js'
import { describe } from '../../../base/thrown.js'
import type { AcceptedLink, ClientPort, Take } from '../../../http/listener/accept.js'
import { ClientInfo, type ClientSocket } from '../../../http/listener/client-info.js'
import { InboundHandshake, type OnOpen } from '../../../tls/inbound/handshake.js'
import type { InboundCertificates } from './certificates.js'
import { type HandshakeParts, type InboundGeneration, offered, settingsOf } from './handshake-settings.js'
import { startClient } from './start.js'

interface SecureGeneration extends InboundGeneration {
  readonly certificates: InboundCertificates | undefined
}

export interface SecureParts extends HandshakeParts {
  readonly diags: Diags
}

/** TLS with clients, on what is configured when they connect; their failures are debug lines of the tag `ssl`. */
export function securePort(current: Current<SecureGeneration>, parts: SecureParts): ClientPort {
  const { diags } = parts
  return {
    accept: (tcp, socket, take) =>
      startClient(tcp, current().vconns, diags, vconn => secure(tcp, socket, vconn, take)),
  }

  function secure(tcp: AcceptedLink, socket: ClientSocket, vconn: VConn, take: Take): { abandon(): void } {
    const { remoteAddress, localAddress = '' } = socket
    // As it is now: a reload may have come while the client was parked.
    const generation = current()
    const { certificates, inFlight } = generation
    if (certificates === undefined) {
      // A reload cannot add a port; it can take the certificates away from one that is open.
      diags.error(`client ${remoteAddress}: there is no certificate for an ssl port; ssl_multicert.config`)
      tcp.destroy()
      return { abandon: () => {} }
    }
    const leave = inFlight.waits.enter()
    const onOpen: OnOpen = (link, verified, protocol) => {
      leave()
      const shown = verified && { ...verified, trust: certificates.clientTrust }
      const handshakes = [{ kind: 'port', shown } as const]
      take(link, new ClientInfo(socket, link, vconn, { handshakes, protocol }))
    }
    const onFailed = (why: ProxyError): void => {
      leave()
      const text = `client ${remoteAddress}: ${describe(why)}`
      if (why.code === 'PTC_CLIENT_HANDSHAKE' || why.code === 'PTC_CLIENT_GONE') diags.debug('ssl', text)
      else diags.warning(text)
    }
    try {
      const settings = settingsOf(generation, parts, {
        alpn: () => offered(generation.settings.listener.hasHttp2),
        context: certificates.choose(undefined, localAddress),
        choose: sni => certificates.choose(sni, localAddress),
        sessionsFor: sni => certificates.sessionsFor(sni),
        named: name => certificates.named(name),
        makeContext: pems => certificates.makeContext(pems, networkOfAddress(remoteAddress ?? '')),
      })
      const handshake = new InboundHandshake(tcp, vconn, settings, onOpen, onFailed)
      handshake.start()
      return handshake
    } catch (cause) {
      tcp.destroy()
      onFailed(new ProxyError('PTC_INTERNAL', describe(cause), { cause }))
      return { abandon: () => {} }
    }
  }
}
