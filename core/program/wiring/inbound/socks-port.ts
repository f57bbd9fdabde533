import type { Current } from '../../../base/current.js'
import { SocksConnection, type SocksOptions } from '../../../http/connect/socks-connection.js'
import type { ListenerOptions } from '../../../http/listener/listener.js'
import type { Settings } from '../../../settings/settings.js'
import type { Access } from './access.js'

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
  const options: SocksOptions = {
    admit: req => current().access.admit(req),
    login: () => current().access.socksLogin,
    timeout: () => current().settings.listener.limits.headersTimeout,
    onConnect,
    onRefused,
  }
  return (link, client, host) => new SocksConnection(link, client, options, left => host.onLeft(left))
}
