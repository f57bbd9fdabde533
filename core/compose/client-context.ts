import { resolve } from 'node:path'
import type { Records } from '../config/records-table.js'
import { ClientContext } from '../tls/openssl/client-context.js'
import { configuredAnchors, defaultAnchors, readPemFile, readText, type TrustAnchors } from '../tls/trust.js'

/** A context for handshakes with origins, and a line for the start-up log about what it trusts. */
export interface ConfiguredContext {
  readonly context: ClientContext
  readonly trusts: string
}

const CA_FILE = 'proxy.config.ssl.client.CA.cert.filename'
const CA_PATH = 'proxy.config.ssl.client.CA.cert.path'
const CERT_FILE = 'proxy.config.ssl.client.cert.filename'
const KEY_FILE = 'proxy.config.ssl.client.private_key.filename'

/**
 * Makes the context that the records describe. Relative paths are relative to the configuration folder.
 * @throws {ProxyError} PTC_TLS_CONTEXT that names the record and the file
 */
export function configureClientContext(records: Records, confDir: string): ConfiguredContext {
  const anchors = trustAnchors(records, confDir)
  const certificate = clientCertificate(records, confDir)
  const ciphers = records['proxy.config.ssl.client.cipher_suite']
  const cipherSuites = records['proxy.config.ssl.client.TLSv1_3.cipher_suites']
  const groups = records['proxy.config.ssl.client.groups_list']
  const alpn = records['proxy.config.ssl.client.alpn_protocols']
  const context = new ClientContext({
    anchors: anchors.pems,
    minVersion: records['proxy.config.ssl.client.TLSv1_2'] === 1 ? 'TLSv1.2' : 'TLSv1.3',
    maxVersion: records['proxy.config.ssl.client.TLSv1_3'] === 1 ? 'TLSv1.3' : 'TLSv1.2',
    alpn: alpn === null ? [] : [alpn],
    ...(certificate === undefined ? {} : { certificate }),
    ...(ciphers === null ? {} : { ciphers }),
    ...(cipherSuites === null ? {} : { cipherSuites }),
    ...(groups === null ? {} : { groups }),
  })
  return { context, trusts: `${anchors.pems.length} trust anchors from ${anchors.from}` }
}

function trustAnchors(records: Records, confDir: string): TrustAnchors {
  const file = records[CA_FILE]
  const path = records[CA_PATH]
  if (file !== null) return configuredAnchors(resolve(confDir, path ?? '.', file), CA_FILE)
  return path === null ? defaultAnchors() : configuredAnchors(resolve(confDir, path), CA_PATH)
}

function clientCertificate(
  records: Records,
  confDir: string,
): { readonly chain: readonly string[]; readonly key: string; readonly from: string } | undefined {
  const file = records[CERT_FILE]
  if (file === null) return undefined
  const from = resolve(confDir, records['proxy.config.ssl.client.cert.path'] ?? '.', file)
  const keyFile = records[KEY_FILE]
  const keyPath = records['proxy.config.ssl.client.private_key.path'] ?? '.'
  const keyFrom = keyFile === null ? from : resolve(confDir, keyPath, keyFile)
  return { chain: readPemFile(from, CERT_FILE), key: readText(keyFrom, KEY_FILE), from }
}
