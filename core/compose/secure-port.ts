import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { VConn } from '../api/vconn.js'
import type { Diags } from '../base/diags.js'
import { describe, ProxyError } from '../base/errors.js'
import type { SecurePort } from '../http/secure-listener.js'
import { ClientHandshake } from '../tls/server.js'
import { LinkDuplex } from '../tls/server-duplex.js'
import type { Link } from '../vconn/link.js'
import { TcpLink } from '../vconn/tcp-link.js'
import { type ClientSetup, type HandshakeParts, settingsOf } from './client-settings.js'
import { startClient } from './client-start.js'
import type { ClientVConns } from './client-vconns.js'
import type { ServerCertificates } from './server-certificates.js'

interface SecureSetup extends ClientSetup {
  readonly certificates: ServerCertificates | undefined
}

export interface SecureParts extends HandshakeParts {
  readonly diags: Diags
  readonly clients: ClientVConns
}

/** TLS with clients, on what is configured when they connect; their failures are debug lines of the tag `ssl`. */
export function securePort(setup: () => SecureSetup, parts: SecureParts): SecurePort {
  const { diags, clients } = parts
  return {
    accept: (socket, take) =>
      startClient(socket, setup().vconns, diags, vconn => secure(socket, vconn, take)),
  }

  function secure(socket: Socket, vconn: VConn, take: (secured: Duplex) => void): { abandon(): void } {
    const { remoteAddress, remotePort, localAddress = '', localPort } = socket
    const addresses = { remoteAddress, remotePort, localAddress, localPort }
    // As it is now: a reload may have come while the client was parked.
    const current = setup()
    const { certificates, clientHandshakes } = current
    if (certificates === undefined) {
      // A reload cannot add a port; it can take the certificates away from one that is open.
      diags.error(`client ${remoteAddress}: there is no certificate for an ssl port; ssl_multicert.config`)
      socket.destroy()
      return { abandon: () => {} }
    }
    const tcp = new TcpLink(socket, 'client')
    const leave = clientHandshakes.enter()
    const onOpen = (link: Link): void => {
      leave()
      const secured = new LinkDuplex(link, addresses)
      clients.set(secured, vconn)
      take(secured)
    }
    const onFailed = (why: ProxyError): void => {
      leave()
      const text = `client ${remoteAddress}: ${describe(why)}`
      if (why.code === 'PTC_CLIENT_HANDSHAKE' || why.code === 'PTC_CLIENT_GONE') diags.debug('ssl', text)
      else diags.warning(text)
    }
    try {
      const settings = settingsOf(current, parts, {
        context: certificates.choose(undefined, localAddress),
        choose: sni => certificates.choose(sni, localAddress),
        sessionsFor: sni => certificates.sessionsFor(sni),
        named: name => certificates.named(name),
        makeContext: pems => certificates.makeContext(pems),
      })
      const handshake = new ClientHandshake(tcp, vconn, settings, onOpen, onFailed)
      handshake.start()
      return handshake
    } catch (cause) {
      socket.destroy()
      onFailed(new ProxyError('PTC_INTERNAL', describe(cause), { cause }))
      return { abandon: () => {} }
    }
  }
}
