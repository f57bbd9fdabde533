import { X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { SecureContext } from 'node:tls'
import { describe, ProxyError } from '../base/errors.js'
import { readConfigFile } from '../config/config-file.js'
import type { PortSpec } from '../config/ports.js'
import type { Records } from '../config/records-table.js'
import { loadSslMulticert, type MulticertLine } from '../config/ssl-multicert.js'
import { CertificateChoice, type Choice } from '../tls/certificate-choice.js'
import { serverContext } from '../tls/server-side.js'

/** What clients of `ssl` ports are shown, until the next reload; undefined when there is nothing to show. */
export type ServerCertificates = CertificateChoice<SecureContext> | undefined

const FILE = 'proxy.config.ssl.server.multicert.filename'

/**
 * Reads ssl_multicert.config and the files it names.
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE, PTC_SSL_MULTICERT_INVALID, PTC_TLS_CONTEXT
 */
export function loadServerCertificates(
  records: Records,
  ports: readonly PortSpec[],
  confDir: string,
): ServerCertificates {
  const file = resolve(confDir, records[FILE])
  const isNeeded = ports.some(({ isTls }) => isTls)
  if (!isNeeded && !existsSync(file)) return undefined
  const certDir = resolve(confDir, records['proxy.config.ssl.server.cert.path'] ?? '.')
  const keyDir = resolve(confDir, records['proxy.config.ssl.server.private_key.path'] ?? '.')
  const [first, ...more] = loadSslMulticert(file).map(line => toChoice(line, certDir, keyDir))
  if (first !== undefined) return new CertificateChoice([first, ...more])
  if (!isNeeded) return undefined
  const text = `proxy.config.http.server_ports has an ssl port, and ${file} names no certificate for it`
  throw new ProxyError('PTC_SSL_MULTICERT_INVALID', text)
}

function toChoice(line: MulticertLine, certDir: string, keyDir: string): Choice<SecureContext> {
  const { where } = line
  const issuers = line.issuers.map(name => readPem(resolve(certDir, name), where)).join('\n')
  const certificates = line.certificates.map(name => readPem(resolve(certDir, name), where))
  const keys =
    line.keys.length === 0 ? certificates : line.keys.map(name => readPem(resolve(keyDir, name), where))
  try {
    const names = certificates.flatMap(pem => namesOf(new X509Certificate(pem)))
    const certPem = certificates.map(pem => `${pem}\n${issuers}`)
    return { value: serverContext({ certPem, keyPem: keys }), names, destIp: line.destIp }
  } catch (cause) {
    const files = [...line.certificates, ...line.keys].join(', ')
    throw new ProxyError('PTC_TLS_CONTEXT', `${where}: ${files}: ${describe(cause)}`, { cause })
  }
}

function readPem(file: string, where: string): string {
  try {
    return readConfigFile(file)
  } catch (cause) {
    throw new ProxyError('PTC_TLS_CONTEXT', `${where}: ${describe(cause)}`, { cause })
  }
}

/** RFC 9525: the common name counts only where there is no alternative name. */
function namesOf({ subject, subjectAltName }: X509Certificate): readonly string[] {
  const alternative = [...(subjectAltName ?? '').matchAll(/(?:^|, )DNS:([^,"]+)/g)].map(
    ([, name = '']) => name,
  )
  const common = /^CN=(.*)$/m.exec(subject)?.[1]
  const names = alternative.length > 0 || common === undefined ? alternative : [common]
  return names.map(name => name.toLowerCase())
}
