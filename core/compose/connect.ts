import { ProxyError } from '../base/errors.js'
import { isPortIn, parseConnectPorts } from '../config/connect-ports.js'
import type { Records } from '../config/records-table.js'
import { ConnectHandler, type ConnectMode, type ConnectSummary } from '../http/connect.js'
import { probedTunnel } from '../http/connect-probe.js'
import { blindTunnel, type TunnelOptions } from '../http/connect-tunnel.js'
import type { DialOptions } from '../origin/dial.js'
import { Prober } from '../origin/prober.js'
import type { Verification } from './start-tls.js'
import type { VConns } from './vconns.js'

const SECOND = 1000

/** What of a setup CONNECT needs; asked for anew with every request, because a reload exchanges it. */
export interface ConnectSetup {
  readonly records: Records
  readonly verification: Verification
  readonly vconns: VConns
}

export interface ConnectParts {
  readonly setup: () => ConnectSetup
  readonly dial: DialOptions
  readonly warn: (message: string) => void
  readonly onDone?: (summary: ConnectSummary) => void
}

/** Ties the records about CONNECT to the three ways of serving it. */
export function makeConnectHandler({ setup, dial, warn, onDone }: ConnectParts): ConnectHandler {
  const tunnel: TunnelOptions = {
    dial,
    idleTimeout: () => tunnelIdleTimeout(setup().records),
    openVConn: tcp => {
      const vconn = setup().vconns.open('outbound', tcp)
      tcp.whenClosed(() => vconn.close())
    },
  }
  const prober = new Prober({
    dial,
    startTls: (tcp, target, signal) => setup().verification.startTls(tcp, target, signal),
    policyDigest: host => setup().verification.policyOf(host).digest,
    ttl: () => setup().records['proxy.config.http.connect.probe_cache_ttl'] * SECOND,
  })
  const helloTimeout = (): number =>
    setup().records['proxy.config.http.transaction_no_activity_timeout_in'] * SECOND
  return new ConnectHandler({
    isPortAllowed: port =>
      isPortIn(parseConnectPorts(setup().records['proxy.config.http.connect_ports']), port),
    modeFor: host => setup().verification.policyOf(host).rule?.connect_verify ?? modeOf(setup().records),
    servers: {
      probe: probedTunnel({ ...tunnel, prober, helloTimeout }),
      tunnel: blindTunnel(tunnel),
      bump: () => Promise.reject(new ProxyError('PTC_NOT_IMPLEMENTED', 'bump is not served')),
    },
    warn,
    ...(onDone === undefined ? {} : { onDone }),
  })
}

const modeOf = (records: Records): ConnectMode => records['proxy.config.http.connect.verify']

/** Each byte passes both sides, so the shorter of the two timeouts is the one that ends a silent tunnel. */
function tunnelIdleTimeout(records: Records): number {
  const seconds = Math.min(
    records['proxy.config.http.transaction_no_activity_timeout_in'],
    records['proxy.config.http.transaction_no_activity_timeout_out'],
  )
  return seconds * SECOND
}
