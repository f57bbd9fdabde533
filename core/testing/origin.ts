import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Asking, AskingClient } from '../api/asking.js'
import type { BuiltInResult, Certificate, PeerEvidence } from '../api/certificate.js'
import { X509_ERRORS, type X509ErrorName } from '../api/x509-errors.js'
import { ProxyError } from '../base/errors.js'
import { bracketed } from '../base/host.js'
import { certificatesInPem } from '../base/pem.js'
import { describe } from '../base/thrown.js'
import { certificateOf } from '../tls/judge/chain-certificate.js'
import { toNames } from '../tls/judge/names.js'
import { x509ErrorText } from '../tls/openssl/built-in-check.js'
import { type CertificateWanted, makeChain } from './certificates.js'

/** An origin that a test makes up. Only the host is required. */
export interface Origin {
  /** The name or address in the URL. */
  readonly host: string
  /** Default 443. */
  readonly port?: number
  /** The SNI; default: the host, if it is a name. */
  readonly sni?: string
  /**
   * What the origin shows, leaf first: a PEM text, the path of a PEM file, or the fields of a certificate that is made
   * for this test (see {@link makeChain}). Default: one certificate for the host.
   */
  readonly chain?: string | readonly CertificateWanted[]
  /** The result of the built-in check: no error (the default), or its name. It is not computed. */
  readonly builtIn?: 'X509_V_OK' | X509ErrorName
  /** Which certificate that error concerns; default 0, the leaf. */
  readonly depth?: number
  /** Default `TLSv1.3`. */
  readonly protocol?: string
  /** Default `TLS_AES_256_GCM_SHA384`. */
  readonly cipher?: string
  readonly alpn?: string
  readonly ocspResponse?: Buffer
  /** Certificate timestamps in the TLS extension. */
  readonly sctList?: Buffer
  /** For which client it is asked: the event's `client` and `transaction`. Default: for none. */
  readonly client?: Partial<AskingClient>
}

/** The client in the event (RFC 5737). */
export function askingFor({ client, host, port = 443 }: Origin): Asking | undefined {
  if (client === undefined) return undefined
  const made = {
    address: '192.0.2.3',
    port: '192.0.2.2:8080',
    user: undefined,
    groups: [],
    subject: undefined,
  }
  const transaction = { id: undefined, method: 'GET', url: `https://${bracketed(host)}:${port}/` }
  return { client: { ...made, ...client }, transaction }
}

/** Errors of the name; every other error is one of the chain. */
const NAME_ERRORS: readonly string[] = [
  'X509_V_ERR_HOSTNAME_MISMATCH',
  'X509_V_ERR_EMAIL_MISMATCH',
  'X509_V_ERR_IP_ADDRESS_MISMATCH',
] satisfies readonly X509ErrorName[]

const OK: BuiltInResult = Object.freeze({ ok: true, name: 'X509_V_OK', code: 0, depth: -1, message: 'ok' })

/**
 * The facts of an origin for plugins.
 * @param folder where relative paths begin
 * @throws {ProxyError} PTC_TEST_KIT when there is no certificate in `chain`
 */
export async function toEvidence(origin: Origin, folder: string): Promise<PeerEvidence> {
  const { host, builtIn: name = 'X509_V_OK', depth = 0 } = origin
  const chain = certificatesOf(await readPem(host, origin.chain ?? [], folder))
  const result = toResult(name, depth)
  const isName = NAME_ERRORS.includes(name)
  return Object.freeze<PeerEvidence>({
    host,
    sni: origin.sni ?? toNames(host, {}).sni,
    chain,
    builtChain: chain,
    builtIn: result,
    checks: Object.freeze({ signature: isName ? OK : result, name: isName ? result : OK }),
    ocspResponse: origin.ocspResponse,
    sctList: origin.sctList,
    protocol: origin.protocol ?? 'TLSv1.3',
    cipher: origin.cipher ?? 'TLS_AES_256_GCM_SHA384',
    alpn: origin.alpn,
  })
}

/**
 * Certificates as plugins are shown them, in the order of a PEM text: for events that a test makes up itself.
 * @throws {ProxyError} PTC_TEST_KIT when there is none, or an incomplete one
 */
export function certificatesOf(pem: string): readonly Certificate[] {
  try {
    const chain = certificatesInPem(pem).map(certificateOf)
    if (chain.length > 0) return Object.freeze(chain)
  } catch (cause) {
    throw new ProxyError('PTC_TEST_KIT', `the chain: ${describe(cause)}`, { cause })
  }
  throw new ProxyError('PTC_TEST_KIT', 'no PEM certificate in the chain')
}

async function readPem(
  host: string,
  chain: string | readonly CertificateWanted[],
  folder: string,
): Promise<string> {
  if (typeof chain !== 'string') {
    const [leaf = { names: [host] }, ...issuers] = chain
    return await makeChain(leaf, ...issuers)
  }
  if (chain.includes('-----BEGIN ')) return chain
  try {
    return readFileSync(resolve(folder, chain), 'utf8')
  } catch (cause) {
    throw new ProxyError('PTC_TEST_KIT', `cannot read the chain of ${host}: ${describe(cause)}`, { cause })
  }
}

function toResult(name: 'X509_V_OK' | X509ErrorName, depth: number): BuiltInResult {
  if (name === 'X509_V_OK') return OK
  const code = X509_ERRORS[name]
  if (code === undefined) throw new ProxyError('PTC_TEST_KIT', `builtIn: there is no ${name}`)
  return Object.freeze({ ok: false, name, code, depth, message: x509ErrorText(code) })
}
