/** Settings of listeners, transactions and CONNECT. Times are in milliseconds, sizes in bytes, and 0 sets no limit. */

import { hostname } from 'node:os'
import { AddressSet } from '../config/address-range.js'
import { fileOf, placed } from '../config/record-place.js'
import { readingOf } from '../config/records.js'
import type { Records } from '../config/records-table.js'

const SECOND = 1000
const PORTS = 'proxy.config.http.server_ports'
const ANNOUNCERS = 'proxy.config.http.proxy_protocol_allowlist'

export type ListenerSettings = ReturnType<typeof listenerSettings>

export const listenerSettings = (records: Records) =>
  Object.freeze({
    ports: Object.freeze(readingOf(records, PORTS).ports),
    /** Relays that may announce their clients. */
    announcers: records[ANNOUNCERS] === null ? new AddressSet() : readingOf(records, ANNOUNCERS).addresses,
    /** Whether there are any. */
    hasAnnouncers: records[ANNOUNCERS] !== null,
    /** The record of the ports, as errors call it. */
    portsBy: placed(records, PORTS),
    hasHttp2: records['proxy.config.http2.enabled'] === 1,
    connections: Object.freeze({
      total: Math.min(
        records['proxy.config.net.connections_throttle'],
        records['proxy.config.net.max_connections_in'] || Number.POSITIVE_INFINITY,
      ),
      perClient: records['proxy.config.net.per_client.max_connections_in'],
    }),
    limits: Object.freeze({
      maxHeaderBytes: records['proxy.config.http.request_header_max_size'],
      headersTimeout: records['proxy.config.http.transaction_no_activity_timeout_in'] * SECOND,
      requestTimeout: 0,
      keepAliveTimeout: records['proxy.config.http.keep_alive_no_activity_timeout_in'] * SECOND,
      http2: http2Settings(records),
    }),
  })

export type TransactionSettings = ReturnType<typeof transactionSettings>

export const transactionSettings = (records: Records) =>
  Object.freeze({
    idleTimeout: records['proxy.config.http.transaction_no_activity_timeout_out'] * SECOND,
    clientIdleTimeout: records['proxy.config.http.transaction_no_activity_timeout_in'] * SECOND,
    /** For a request and its response together. */
    activeTimeout: shortest(
      records['proxy.config.http.transaction_active_timeout_in'],
      records['proxy.config.http.transaction_active_timeout_out'],
    ),
    upgradeIdleTimeout: records['proxy.config.websocket.no_activity_timeout'] * SECOND,
    clientFields: clientFields(records),
    /** Whether fields about alternative services are removed. */
    hidesAlternatives: records['proxy.config.http.alt_svc'] === 'strip',
    via: Object.freeze({
      name: records['proxy.config.proxy_name'] ?? hostname(),
      inRequests: records['proxy.config.http.insert_request_via_str'] === 1,
      inResponses: records['proxy.config.http.insert_response_via_str'] === 1,
    }),
  })

/** What origins learn of clients; undefined where the proxy changes nothing of it. */
function clientFields(records: Records) {
  const others = records['proxy.config.http.anonymize_other_header_list']
  const removed = new Set([
    ...REMOVABLE.filter(word => records[`proxy.config.http.anonymize_remove_${word}`] === 1).map(word =>
      word.replaceAll('_', '-'),
    ),
    ...(others === null ? [] : readingOf(records, 'proxy.config.http.anonymize_other_header_list').names),
  ])
  const forwardedFor = records['proxy.config.http.insert_squid_x_forwarded_for'] === 1
  const clientIp = records['proxy.config.http.insert_client_ip']
  const forwarded = readingOf(records, 'proxy.config.http.insert_forwarded').parts
  if (removed.size === 0 && !forwardedFor && clientIp === 0 && forwarded.length === 0) return undefined
  return Object.freeze({ removed, forwardedFor, clientIp, forwarded })
}

const REMOVABLE = ['from', 'referer', 'user_agent', 'cookie', 'client_ip'] as const

/** The shortest of times in seconds, where 0 sets no limit. */
function shortest(...seconds: readonly number[]): number {
  const limits = seconds.filter(limit => limit > 0)
  return limits.length === 0 ? 0 : Math.min(...limits) * SECOND
}

export type ConnectSettings = ReturnType<typeof connectSettings>

export const connectSettings = (records: Records) =>
  Object.freeze({
    ports: Object.freeze(readingOf(records, 'proxy.config.http.connect_ports').ranges),
    /** How origins behind CONNECT are verified where no rule says otherwise. */
    mode: records['proxy.config.http.connect.verify'],
    nonTls: records['proxy.config.http.connect.verify.non_tls'],
    ech: records['proxy.config.http.connect.verify.ech'],
    probeLifetime: records['proxy.config.http.connect.probe_cache_ttl'] * SECOND,
    helloTimeout: records['proxy.config.http.transaction_no_activity_timeout_in'] * SECOND,
    /** For an open tunnel. */
    idleTimeout: records['proxy.config.http.tunnel_no_activity_timeout'] * SECOND,
  })

export type ClientCertSettings = NonNullable<ReturnType<typeof clientCertSettings>>

/** Which part of a client's certificate is its name; undefined where certificates are no logins. */
function clientCertSettings(records: Records) {
  const record = 'proxy.config.http.proxy_auth.client_cert'
  const name = records[record]
  if (name === null) return undefined
  return Object.freeze({
    name,
    hasOuGroups: records['proxy.config.http.proxy_auth.client_cert_groups'] === 'ou',
    /** The record, as errors call it. */
    by: placed(records, record),
  })
}

export type TokenSettings = NonNullable<ReturnType<typeof tokenSettings>>

const TOKENS = 'proxy.config.http.proxy_auth.jwt'

/** What tokens of clients must have; undefined where none are taken. */
function tokenSettings(records: Records, confDir: string) {
  const keys = fileOf(records, `${TOKENS}.keys`, confDir)
  if (keys === undefined) return undefined
  const words = (text: string | null): readonly string[] | undefined =>
    text === null ? undefined : text.trim().split(/\s+/)
  return Object.freeze({
    keys,
    algorithms: readingOf(records, `${TOKENS}.algorithms`).algorithms,
    /** Undefined: tokens of any issuer are accepted. */
    issuers: words(records[`${TOKENS}.issuer`]),
    /** Undefined: only tokens without `aud` are accepted. */
    audiences: words(records[`${TOKENS}.audience`]),
    clockSkew: records[`${TOKENS}.clock_skew`] * SECOND,
    userClaim: records[`${TOKENS}.user_claim`],
    groupsClaim: records[`${TOKENS}.groups_claim`] ?? undefined,
  })
}

export type AccessSettings = ReturnType<typeof accessSettings>

export const accessSettings = (records: Records, confDir: string) =>
  Object.freeze({
    ipAllow: fileOf(records, 'proxy.config.cache.ip_allow.filename', confDir),
    htpasswd: fileOf(records, 'proxy.config.http.proxy_auth.htpasswd', confDir),
    groups: fileOf(records, 'proxy.config.http.proxy_auth.groups', confDir),
    tokens: tokenSettings(records, confDir),
    clientCert: clientCertSettings(records),
    errorDetails: records['proxy.config.http.errors.details'],
    deniesPrivateOrigins: records['proxy.config.http.deny_private_origins'] === 1,
    /** Undefined where the built-in pages are shown. */
    templates:
      records['proxy.config.body_factory.enable_customizations'] === 1
        ? fileOf(records, 'proxy.config.body_factory.template_sets_dir', confDir)
        : undefined,
  })

/** HTTP/2 with clients. Times are in milliseconds, sizes in bytes. */
const http2Settings = (records: Records) =>
  Object.freeze({
    maxStreams: records['proxy.config.http2.max_concurrent_streams_in'],
    window: records['proxy.config.http2.initial_window_size_in'],
    maxFrame: records['proxy.config.http2.max_frame_size'],
    headerTable: records['proxy.config.http2.header_table_size'],
    maxHeaderBytes: Math.min(
      records['proxy.config.http2.max_header_list_size'],
      records['proxy.config.http.request_header_max_size'],
    ),
    idleTimeout: records['proxy.config.http2.no_activity_timeout_in'] * SECOND,
    headTimeout: records['proxy.config.http2.incomplete_header_timeout_in'] * SECOND,
    rates: frameRates(records),
  })

/** Frames of HTTP/2 in a minute, by kind: of clients and of origins. */
export const frameRates = (records: Records) =>
  Object.freeze({
    settings: records['proxy.config.http2.max_settings_frames_per_minute'],
    ping: records['proxy.config.http2.max_ping_frames_per_minute'],
    priority: records['proxy.config.http2.max_priority_frames_per_minute'],
    rstStream: records['proxy.config.http2.max_rst_stream_frames_per_minute'],
    continuation: records['proxy.config.http2.max_continuation_frames_per_minute'],
    empty: records['proxy.config.http2.max_empty_frames_per_minute'],
  })
