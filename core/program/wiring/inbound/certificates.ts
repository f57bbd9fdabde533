import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { CertificatePems } from '../../../api/client-hooks.js'
import { ProxyError } from '../../../base/errors.js'
import { Mistakes } from '../../../base/mistakes.js'
import { certificatesInPem } from '../../../base/pem.js'
import { describe } from '../../../base/thrown.js'
import { readX509 } from '../../../base/x509.js'
import { readConfigFile } from '../../../config/config-file.js'
import { loadSslMulticert, type MulticertLine } from '../../../config/ssl-multicert.js'
import type { ListenerSettings } from '../../../settings/http.js'
import type { InboundTlsSettings } from '../../../settings/inbound-tls.js'
import { CertificateChoice, type Choice } from '../../../tls/inbound/certificate-choice.js'
import { altNames } from '../../../tls/judge/certificate-parts.js'
import { splitPem } from '../../../tls/judge/trust.js'
import { InboundContext } from '../../../tls/openssl/inbound-context.js'
import type { OwnCertificate } from '../../../tls/openssl/own-certificate.js'
import { clientTrustOf, type SharedContext, sessionsOf, sharedContext } from './client-auth.js'
import { PluginCertificates } from './plugin-certificates.js'

/** What clients of `ssl` ports are shown, until the next reload and the end of the last handshake that began before. */
export class InboundCertificates {
  readonly #choice: CertificateChoice<InboundContext>
  readonly #contexts: readonly InboundContext[]
  readonly #shared: SharedContext
  readonly #given: PluginCertificates

  constructor(
    choices: readonly [Choice<InboundContext>, ...Choice<InboundContext>[]],
    shared: SharedContext,
  ) {
    this.#choice = new CertificateChoice(choices)
    this.#contexts = choices.map(({ value }) => value)
    this.#shared = shared
    this.#given = new PluginCertificates(shared)
  }

  /** @param sni undefined when the client announces no name */
  choose(sni: string | undefined, localAddress: string): InboundContext {
    return this.#choice.choose(sni, localAddress)
  }

  /** The certificate for a name; undefined when none is for it. */
  named(name: string): InboundContext | undefined {
    return this.#choice.named(name)
  }

  /** @throws {ProxyError} PTC_TLS_CONTEXT */
  makeContext(pems: CertificatePems, network: string): InboundContext {
    return this.#given.of(pems, network)
  }

  /** Sessions are for one name: under another one other certificates are shown, and other questions asked. */
  sessionsFor(sni: string | undefined): Buffer {
    return sessionsOf(this.#shared, sni ?? null)
  }

  /** The digest of the authorities that certificates of clients are verified with; undefined where none are asked for. */
  get clientTrust(): string | undefined {
    return clientTrustOf(this.#shared)
  }

  /** Safe to call twice. */
  free(): void {
    for (const context of this.#contexts) context.free()
    this.#given.free()
  }
}

/**
 * Reads ssl_multicert.config and the files it names.
 * @param onRemoveSession given when plugins keep the sessions of clients
 * @returns undefined when there is no ssl port, and nothing to show
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE, PTC_SSL_MULTICERT_INVALID, PTC_TLS_CONTEXT
 */
export function loadInboundCertificates(
  settings: InboundTlsSettings,
  { ports, portsBy }: ListenerSettings,
  onRemoveSession: ((id: Buffer) => void) | undefined,
): InboundCertificates | undefined {
  const { multicert, certificateDir, keyDir } = settings
  const { path: file } = multicert
  const isNeeded = ports.some(({ isTls }) => isTls)
  if (!isNeeded && !existsSync(file)) return undefined
  const shared = sharedContext(settings, 'port', onRemoveSession)
  const choices: Choice<InboundContext>[] = []
  try {
    const mistakes = new Mistakes()
    for (const line of loadSslMulticert(multicert))
      mistakes.read(() => choices.push(toChoice(line, certificateDir, keyDir, shared)))
    mistakes.check()
  } catch (cause) {
    for (const { value } of choices) value.free()
    throw cause
  }
  const [first, ...more] = choices
  if (first !== undefined) return new InboundCertificates([first, ...more], shared)
  if (!isNeeded) return undefined
  const text = `${portsBy} has an ssl port, and ${file} names no certificate for it`
  throw new ProxyError('PTC_SSL_MULTICERT_INVALID', text)
}

function toChoice(
  line: MulticertLine,
  certDir: string,
  keyDir: string,
  shared: SharedContext,
): Choice<InboundContext> {
  const { where } = line
  const files = [...line.certificates, ...line.keys].join(', ')
  const issuers = line.issuers.flatMap(name =>
    splitPem(readPem(resolve(certDir, name), where), `${where}: ${name}`),
  )
  const pems = line.certificates.map(name => readPem(resolve(certDir, name), where))
  const keys = line.keys.length === 0 ? pems : line.keys.map(name => readPem(resolve(keyDir, name), where))
  try {
    const certificates = pems.map<OwnCertificate>((pem, i) => {
      const from = line.certificates[i] ?? ''
      const chain = [...certificatesIn(pem, from), ...issuers]
      return { chain, key: checkedKey(keys[i] ?? '', from, line.keys[i]), from }
    })
    const leaves = certificates.flatMap(({ chain }) => certificatesInPem(chain[0] ?? ''))
    const names = leaves.flatMap(namesOf)
    return { value: new InboundContext({ ...shared, certificates }), names, destIp: line.destIp }
  } catch (cause) {
    throw new ProxyError('PTC_TLS_CONTEXT', `${where}: ${files}: ${describe(cause)}`, { cause })
  }
}

function certificatesIn(pem: string, file: string): readonly string[] {
  const found = splitPem(pem, file)
  if (found.length === 0) throw new ProxyError('PTC_TLS_CONTEXT', `no PEM certificate in ${file}`)
  return found
}

function checkedKey(pem: string, certificate: string, file: string | undefined): string {
  if (/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/.test(pem)) return pem
  const remedy = file === undefined ? `; put it there, or say where it is by ssl_key_name=FILE` : ''
  throw new ProxyError('PTC_TLS_CONTEXT', `no private key in ${file ?? certificate}${remedy}`)
}

function readPem(file: string, where: string): string {
  try {
    return readConfigFile(file)
  } catch (cause) {
    throw new ProxyError('PTC_TLS_CONTEXT', `${where}: ${describe(cause)}`, { cause })
  }
}

/** RFC 9525: the common name counts only where there is no alternative name. */
function namesOf(leaf: Buffer): readonly string[] {
  const alternative = altNames(leaf).flatMap(({ type, value }) => (type === 'dns' ? [value] : []))
  const common = /^CN=(.*)$/m.exec(readX509(leaf).subject)?.[1]
  const names = alternative.length > 0 || common === undefined ? alternative : [common]
  return names.map(name => name.toLowerCase())
}
