import { type Current, derived } from '../../../base/current.js'
import type { Diags } from '../../../base/diags.js'
import type { FairQueue } from '../../../base/fair-queue.js'
import { SocksConnection, type SocksOptions } from '../../../http/connect/socks-connection.js'
import type { AnnouncedOptions } from '../../../http/listener/announced-client.js'
import { createListener, type Listener, type ListenerOptions } from '../../../http/listener/listener.js'
import type { Settings } from '../../../settings/settings.js'
import type { Generation } from '../../generation.js'
import { type Access, admissions } from './access.js'
import { type SecureParts, securePort } from './secure-port.js'
import { plainPort } from './start.js'

export interface PortParts
  extends Required<Pick<ListenerOptions, 'forward' | 'onConnect' | 'isWelcome' | 'onRefused'>> {
  readonly current: Current<Generation>
  readonly lasting: SecureParts & { readonly queue: FairQueue }
}

/** A port of proxy.config.http.server_ports that is not open yet. */
export interface ClosedPort {
  readonly listener: Listener
  readonly address: string
  readonly port: number
}

/** What listens on the ports of the generation in force, in their order. */
export function makePorts({ current, lasting, ...parts }: PortParts): readonly ClosedPort[] {
  const { admit } = admissions(current)
  const limits = derived(current, ({ settings }) => settings.listener.limits)
  const secure = securePort(current, lasting)
  const plain = plainPort(() => current().vconns, lasting)
  const speak = socksPort(current, parts.onConnect, parts.onRefused)
  const announced = announcedClients(current, parts.isWelcome, lasting)
  return current().settings.listener.ports.map(({ address, port, isTls, isSocks, isAnnounced }) => {
    const listener = createListener({
      ...parts,
      limits,
      admit,
      pages: () => current().pages,
      onAccepted: () => lasting.queue.yieldToAccepts(),
      port: isTls ? secure : plain,
      ...(isSocks && { speak }),
      ...(isAnnounced && { announced }),
    })
    return { listener, address, port }
  })
}

/** Ports whose connections come from relays; what is refused there is a debug line of the tag `proxy_protocol`. */
function announcedClients(
  current: Current<{ readonly settings: Pick<Settings, 'listener'> }>,
  isWelcome: AnnouncedOptions['isWelcome'],
  { diags }: { readonly diags: Diags },
): AnnouncedOptions {
  return {
    isWelcome,
    mayAnnounce: address => current().settings.listener.announcers.has(address),
    timeout: () => current().settings.listener.limits.headersTimeout,
    onRefused: message => diags.debug('proxy_protocol', message),
  }
}

/** The parts of a generation that clients of socks ports need. */
interface SocksGeneration {
  readonly settings: Pick<Settings, 'listener'>
  readonly access: Access
}

/** What speaks with the clients of socks ports: under the rules for CONNECT. */
function socksPort(
  current: Current<SocksGeneration>,
  onConnect: SocksOptions['onConnect'],
  onRefused: SocksOptions['onRefused'],
): NonNullable<ListenerOptions['speak']> {
  const { admit, admitInside: admitAgain } = admissions(current)
  const options: SocksOptions = {
    admit,
    admitAgain,
    login: () => current().access.socksLogin,
    timeout: () => current().settings.listener.limits.headersTimeout,
    onConnect,
    onRefused,
  }
  return (link, client, host) => new SocksConnection(link, client, options, host)
}
