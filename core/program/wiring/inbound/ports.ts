import type { Current } from '../../../base/current.js'
import type { Diags } from '../../../base/diags.js'
import { SocksConnection, type SocksOptions } from '../../../http/connect/socks-connection.js'
import type { AnnouncedOptions } from '../../../http/listener/announced-client.js'
import type { ListenerOptions } from '../../../http/listener/listener.js'
import type { Settings } from '../../../settings/settings.js'
import { type Access, admissions } from './access.js'

/** Ports whose connections come from relays; what is refused there is a debug line of the tag `proxy_protocol`. */
export function announcedClients(
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
export function socksPort(
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
