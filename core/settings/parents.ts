/** Settings of parent proxies. Times are in milliseconds. */
import { fileOf, placed } from '../config/record-place.js'
import type { Records } from '../config/records-table.js'

const SECOND = 1000
const LIST = 'proxy.config.http.parent_proxies'

const HEADERS = { '-1': 'none', 0: 'received', 1: 1, 2: 2 } as const

export type ParentSettings = ReturnType<typeof parentSettings>

export const parentSettings = (records: Records, confDir: string) =>
  Object.freeze({
    file: fileOf(records, 'proxy.config.http.parent_proxy.file', confDir),
    /** For requests that no line of the file matches. */
    others: records[LIST] ?? undefined,
    othersBy: placed(records, LIST),
    othersCredentials: fileOf(records, 'proxy.config.http.parent_proxies.credentials', confDir),
    /** The roots of https parents; undefined: those of origins. */
    anchors: fileOf(records, 'proxy.config.http.parent_proxy.CA.cert.filename', confDir),
    fromEnvironment: records['proxy.config.http.parent_from_env'] === 1,
    /** What announces clients by the PROXY protocol, to origins and parents. */
    header: HEADERS[records['proxy.config.http.proxy_protocol_out']],
    failThreshold: records['proxy.config.http.parent_proxy.fail_threshold'],
    retryTime: records['proxy.config.http.parent_proxy.retry_time'] * SECOND,
    attempts: records['proxy.config.http.parent_proxy.total_connect_attempts'],
    connectTimeout: records['proxy.config.http.parent_proxy.connect_attempts_timeout'] * SECOND,
    resolvesHere: records['proxy.config.http.no_dns_just_forward_to_parent'] === 0,
  })
