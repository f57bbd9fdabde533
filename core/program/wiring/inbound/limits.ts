import type { Records } from '../../../config/records-table.js'
import type { ListenerLimits } from '../../../http/listener/client-host.js'
import type { ConnectionLimits } from '../../../http/listener/connection-limits.js'

const SECOND = 1000

export function listenerLimits(records: Records): ListenerLimits {
  const inactivity = records['proxy.config.http.transaction_no_activity_timeout_in'] * SECOND
  return {
    maxHeaderBytes: records['proxy.config.http.request_header_max_size'],
    headersTimeout: inactivity,
    requestTimeout: 0,
    keepAliveTimeout: records['proxy.config.http.keep_alive_no_activity_timeout_in'] * SECOND,
  }
}

export function connectionLimits(records: Records): ConnectionLimits {
  return {
    total: records['proxy.config.net.connections_throttle'],
    perClient: records['proxy.config.net.per_client.max_connections_in'],
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
