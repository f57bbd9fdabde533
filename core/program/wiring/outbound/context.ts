import { resolve } from 'node:path'
import { placed } from '../../../config/record-place.js'
import type { Records } from '../../../config/records-table.js'
import type { Rule } from '../../../config/rules.js'
import { readPemFile, readText, type TrustAnchors } from '../../../tls/judge/trust.js'
import type { OutboundContextOptions } from '../../../tls/openssl/outbound-context.js'
import { TrustFiles } from '../trust-files.js'

/** What a context is to be made of, and a line for the start-up log about what it trusts. */
export interface ContextPlan {
  readonly options: OutboundContextOptions
  readonly trusts: string
}

const CA_FILE = 'proxy.config.ssl.client.CA.cert.filename'
const CA_PATH = 'proxy.config.ssl.client.CA.cert.path'
const CERT_FILE = 'proxy.config.ssl.client.cert.filename'
const CERT_PATH = 'proxy.config.ssl.client.cert.path'
const KEY_FILE = 'proxy.config.ssl.client.private_key.filename'
const KEY_PATH = 'proxy.config.ssl.client.private_key.path'

const VERSIONS = { TLSv1_2: 'TLSv1.2', TLSv1_3: 'TLSv1.3' } as const

/**
 * Reads what the records describe, and a rule for single origins changes. Relative paths are relative to the
 * configuration folder.
 * @param files what is trusted, as read for other rules
 * @throws {ProxyError} PTC_TLS_CONTEXT that names the record, or the rule's place and key, and the file
 */
export function planOutboundContext(
  records: Records,
  confDir: string,
  rule?: Rule,
  files = new TrustFiles(),
): ContextPlan {
  const { pems, from } = trustAnchors(records, confDir, rule, files)
  const certificate = clientCertificate(records, confDir, rule)
  const crls = revocationLists(records, confDir, rule, files)
  const optional = {
    certificate,
    crls,
    ciphers: rule?.client_cipher_suite ?? records['proxy.config.ssl.client.cipher_suite'] ?? undefined,
    cipherSuites:
      rule?.client_TLSv1_3_cipher_suites ??
      records['proxy.config.ssl.client.TLSv1_3.cipher_suites'] ??
      undefined,
    groups: rule?.client_groups_list ?? records['proxy.config.ssl.client.groups_list'] ?? undefined,
  }
  const alpn = records['proxy.config.ssl.client.alpn_protocols']
  const { client_tls_version_min: oldest, client_tls_version_max: newest } = rule ?? {}
  const has12 = records['proxy.config.ssl.client.TLSv1_2'] === 1
  const has13 = records['proxy.config.ssl.client.TLSv1_3'] === 1
  const maxVersion = VERSIONS[newest ?? (has13 || oldest === 'TLSv1_3' ? 'TLSv1_3' : 'TLSv1_2')]
  const minVersion = VERSIONS[oldest ?? (has12 || newest === 'TLSv1_2' ? 'TLSv1_2' : 'TLSv1_3')]
  return {
    trusts: `${pems.length} trust anchors from ${from}`,
    options: {
      anchors: pems,
      isStrict: records['proxy.config.ssl.client.verify.server.strict'] === 1,
      minVersion,
      maxVersion,
      hasSessions: records['proxy.config.ssl.origin_session_cache'] === 1,
      alpn: rule?.client_alpn ?? (alpn === null ? [] : [alpn]),
      ...dropUndefined(optional),
    },
  }
}

function trustAnchors(
  records: Records,
  confDir: string,
  rule: Rule | undefined,
  files: TrustFiles,
): TrustAnchors {
  const file = rule?.verify_server_ca ?? records[CA_FILE]
  const path = records[CA_PATH]
  const what =
    rule?.verify_server_ca === undefined ? placed(records, CA_FILE) : `${rule.where}: verify_server_ca`
  if (file !== null) return files.anchors(resolve(confDir, path ?? '.', file), what)
  return path === null ? files.defaults() : files.anchors(resolve(confDir, path), placed(records, CA_PATH))
}

function clientCertificate(
  records: Records,
  confDir: string,
  rule: Rule | undefined,
): OutboundContextOptions['certificate'] {
  const isOfRule = rule?.client_cert !== undefined
  const file = rule?.client_cert ?? records[CERT_FILE]
  if (file === null) return undefined
  const from = resolve(confDir, records[CERT_PATH] ?? '.', file)
  const keyFile = isOfRule ? (rule.client_key ?? null) : records[KEY_FILE]
  const keyFrom = keyFile === null ? from : resolve(confDir, records[KEY_PATH] ?? '.', keyFile)
  const chain = readPemFile(from, isOfRule ? `${rule.where}: client_cert` : placed(records, CERT_FILE))
  const keyBy = isOfRule ? `${rule.where}: client_key` : placed(records, KEY_FILE)
  return { chain, key: readText(keyFrom, keyBy), from }
}

function revocationLists(
  records: Records,
  confDir: string,
  rule: Rule | undefined,
  files: TrustFiles,
): OutboundContextOptions['crls'] {
  if (rule?.verify_server_crl === undefined) return undefined
  const from = resolve(confDir, records[CA_PATH] ?? '.', rule.verify_server_crl)
  return {
    pem: files.text(from, `${rule.where}: verify_server_crl`),
    from,
    isLeafOnly: rule.verify_server_crl_depth === 'LEAF',
  }
}

/** With exactOptionalPropertyTypes an absent key and one that is undefined are two things. */
function dropUndefined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
