import type { Diags } from '../base/diags.js'
import { describe, ProxyError } from '../base/errors.js'
import type { Records } from '../config/records-table.js'
import type { ConnectionLimits } from '../http/connection-limits.js'
import type { FrontLimits } from '../http/front.js'
import type { SecurePort } from '../http/secure-listener.js'
import type { ServerCertificates } from './server-certificates.js'

const SECOND = 1000

/** What of a setup the ports need; asked for anew with every connection, because a reload exchanges it. */
interface PortSetup {
  readonly records: Records
  readonly certificates: ServerCertificates
}

export function frontLimits(records: Records): FrontLimits {
  const inactivity = records['proxy.config.http.transaction_no_activity_timeout_in'] * SECOND
  return {
    maxHeaderBytes: records['proxy.config.http.request_header_max_size'],
    headersTimeout: inactivity,
    requestTimeout: 0,
    keepAliveTimeout: records['proxy.config.http.keep_alive_no_activity_timeout_in'] * SECOND,
    idleTimeout: inactivity,
  }
}

export function connectionLimits(records: Records): ConnectionLimits {
  return {
    total: records['proxy.config.net.connections_throttle'],
    perClient: records['proxy.config.net.per_client.max_connections_in'],
  }
}

/** TLS with clients; their failures are debug lines of the tag `ssl`. */
export function securePort(setup: () => PortSetup, diags: Diags): SecurePort {
  return {
    contextFor: (sni, localAddress) => {
      const { certificates } = setup()
      if (certificates === undefined)
        throw new ProxyError('PTC_SSL_MULTICERT_INVALID', 'there is no certificate for an ssl port')
      return certificates.choose(sni, localAddress)
    },
    handshakeTimeout: () => setup().records['proxy.config.ssl.handshake_timeout_in'] * SECOND,
    onFailed: (clientAddress, cause) => diags.debug('ssl', `client ${clientAddress}: ${describe(cause)}`),
  }
}

/** Milliseconds for a request and its response together; 0 for no limit. */
export function activeTimeout(records: Records): number {
  const limits = [
    records['proxy.config.http.transaction_active_timeout_in'],
    records['proxy.config.http.transaction_active_timeout_out'],
  ].filter(limit => limit > 0)
  return limits.length === 0 ? 0 : Math.min(...limits) * SECOND
}
