import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { ProxyError } from '../../base/errors.js'
import { certificatesInPem, toPem } from '../../base/pem.js'
import { describe } from '../../base/thrown.js'

/** The files of trust anchors on common systems, in the order in which they are tried. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Ubuntu, Gentoo, Arch
  '/etc/pki/tls/certs/ca-bundle.crt', // Fedora, RHEL 6 and later
  '/etc/ssl/ca-bundle.pem', // openSUSE
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', // CentOS, RHEL 7 and later
  '/etc/ssl/cert.pem', // Alpine, OpenBSD, macOS
] as const

/** Trust anchors, and where they came from, for the start-up line. */
export interface TrustAnchors {
  readonly pems: readonly string[]
  readonly from: string
}

/**
 * Every certificate of a PEM text, in its order, each as a new PEM text: OpenSSL, Node and the library that issues
 * certificates then read the same bytes, whatever else the text contains.
 * @param from the name of the text in errors
 * @throws {ProxyError} PTC_TLS_CONTEXT for a block that is not one certificate
 */
export function splitPem(text: string, from: string): readonly string[] {
  try {
    return certificatesInPem(text).map(toPem)
  } catch (cause) {
    throw new ProxyError('PTC_TLS_CONTEXT', `${from}: ${describe(cause)}`, { cause })
  }
}

/**
 * The certificates of a PEM file.
 * @throws {ProxyError} PTC_TLS_CONTEXT when the file cannot be read, contains no certificate, or an incomplete one
 */
export function readPemFile(file: string, what: string): readonly string[] {
  const pems = splitPem(readText(file, what), `${what}: ${file}`)
  if (pems.length === 0) throw new ProxyError('PTC_TLS_CONTEXT', `${what}: no PEM certificate in ${file}`)
  return pems
}

/** @throws {ProxyError} PTC_TLS_CONTEXT that names the file and the record it came from */
export function readText(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ProxyError('PTC_TLS_CONTEXT', `${what}: cannot read ${file}: ${describe(cause)}`, { cause })
  }
}

/** Anchors that replace the system's: a file, or every .pem and .crt file of a folder. */
export function configuredAnchors(place: string, what: string): TrustAnchors {
  if (!statSync(place, { throwIfNoEntry: false })?.isDirectory())
    return { pems: readPemFile(place, what), from: place }
  const files = readdirSync(place).filter(name => name.endsWith('.pem') || name.endsWith('.crt'))
  if (files.length === 0) throw new ProxyError('PTC_TLS_CONTEXT', `${what}: no .pem or .crt file in ${place}`)
  return { pems: files.sort().flatMap(name => readPemFile(join(place, name), what)), from: place }
}

/** The system's anchors; Node's bundled ones where the system has none. */
export function defaultAnchors(): TrustAnchors {
  const found = SYSTEM_BUNDLES.find(file => statSync(file, { throwIfNoEntry: false })?.isFile())
  if (found === undefined) {
    const from = 'the roots bundled with Node'
    return { pems: splitPem(rootCertificates.join('\n'), from), from }
  }
  return { pems: readPemFile(found, 'system trust store'), from: found }
}
