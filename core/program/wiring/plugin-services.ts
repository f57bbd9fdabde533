import type { OwnListener } from '../../origin/denied-addresses.js'
import { FetchPlaces, makeFetch } from '../../origin/fetch/fetcher.js'
import { denied } from '../../origin/fetch/question.js'
import type { Names } from '../../origin/names/names.js'
import type { Publish } from '../../plugin-host/services/peers.js'
import { type HostedServices, SharedServices } from '../../plugin-host/services/services.js'
import type { StateStore } from '../../plugin-host/services/state.js'
import type { StartTls } from '../../tls/outbound/start-tls.js'
import { ownPorts } from './own-ports.js'

/** What plugins keep, count and have fetched, across reloads. */
export class ProxyServices {
  readonly shared: SharedServices
  readonly fetches = new FetchPlaces()
  /** The proxy's own ports, once they are open: nothing is fetched from there. */
  readonly ports: OwnListener[] = []
  /** The address of the management port, `http://127.0.0.1:8083`: undefined while none is open. */
  managedAt: string | undefined

  /**
   * @param makeStore where the state of a plugin is kept, by its name; in memory without it
   * @param publish tells other processes; without it there are none
   */
  constructor(makeStore?: (plugin: string) => StateStore, publish?: Publish) {
    this.shared = new SharedServices(makeStore, publish)
  }
}

/** What a generation adds to them. */
export interface ServiceParts {
  /** Undefined where they cannot be read: the start will fail. */
  readonly names: Names | undefined
  /** Undefined while the plugins are initialised. */
  readonly startTls: () => StartTls | undefined
  readonly warn: (message: string) => void
}

/** The services of a plugin, by its name. */
export function servicesOf(
  services: ProxyServices,
  { names, startTls, warn }: ServiceParts,
): (plugin: string) => HostedServices {
  const { shared, fetches, ports } = services
  const isOwn = ownPorts(() => ports)
  return plugin =>
    shared.of(
      plugin,
      makeFetch(
        plugin,
        fetches,
        () => {
          if (names === undefined) throw denied('names cannot be resolved')
          return { names, isOwn, startTls: startTls() }
        },
        message => warn(`[${plugin}] ${message}`),
      ),
      () => services.managedAt,
    )
}
