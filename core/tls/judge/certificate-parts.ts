import { SocketAddress } from 'node:net'
import { readX509 } from '../../base/x509.js'
import { DER, type DerElement, derElement, derElements, malformed } from './der.js'

/** An alternative name of a certificate, as text. */
export interface AltName {
  readonly type: 'dns' | 'ip' | 'uri' | 'email'
  readonly value: string
}

const SUBJECT_ALT_NAME = Buffer.from([0x55, 0x1d, 0x11]) // 2.5.29.17

/**
 * GeneralName's tags (RFC 5280 section 4.2.1.6). No matcher matches an undefined kind: otherName, x400Address,
 * directoryName, ediPartyName, registeredID.
 */
const GENERAL_NAMES: ReadonlyMap<number, AltName['type'] | undefined> = new Map([
  [0xa0, undefined],
  [0x81, 'email'],
  [0x82, 'dns'],
  [0xa3, undefined],
  [0xa4, undefined],
  [0xa5, undefined],
  [0x86, 'uri'],
  [0x87, 'ip'],
  [0x88, undefined],
])

/**
 * The SubjectPublicKeyInfo of a certificate, with exactly the bytes that were signed.
 * @throws {ProxyError} PTC_HANDSHAKE_FAILED when the certificate is not DER
 */
export function subjectPublicKeyInfo(certificate: Buffer): Buffer {
  const fields = tbsFields(certificate)
  // version (optional), serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo
  const at = fields[0]?.tag === DER.context0 ? 6 : 5
  const key = fields[at]
  if (key?.tag !== DER.sequence) throw malformed()
  return key.bytes
}

/**
 * The alternative names of a certificate, in its order: exactly those that OpenSSL reads, because OpenSSL judges the
 * certificate. BER can write a name in pieces, which DER forbids and OpenSSL accepts.
 * Throws as {@link subjectPublicKeyInfo} does.
 */
export function altNames(certificate: Buffer): readonly AltName[] {
  const names = ownReading(certificate)
  if (names.length > 0 && !hasAltNames(certificate)) throw malformed()
  return names
}

/** Whether OpenSSL finds alternative names. Node, which is used for this, shows an unreadable extension as empty. */
function hasAltNames(certificate: Buffer): boolean {
  try {
    return (readX509(certificate).subjectAltName ?? '') !== ''
  } catch {
    return false
  }
}

function ownReading(certificate: Buffer): readonly AltName[] {
  const value = extensionValue(certificate, SUBJECT_ALT_NAME)
  return value === undefined ? [] : derElements(derElement(value).content).flatMap(toAltName)
}

/**
 * The DER inside an extension, if there is one. Throws as {@link subjectPublicKeyInfo} does.
 * @param oid the content of its OBJECT IDENTIFIER
 */
export function extensionValue(certificate: Buffer, oid: Buffer): Buffer | undefined {
  const wrapped = tbsFields(certificate).find(({ tag }) => tag === DER.context3)
  if (wrapped === undefined) return undefined
  const found = derElements(derElement(wrapped.content).content).flatMap(extension => {
    const [id, ...rest] = derElements(extension.content)
    return id?.tag === DER.oid && id.content.equals(oid) ? [rest.at(-1)] : []
  })
  const [value, ...more] = found
  if (found.length === 0) return undefined
  // RFC 5280 section 4.2: one at most. With two it would be undefined which one counts.
  if (more.length > 0 || value?.tag !== DER.octetString) throw malformed()
  return value.content
}

const TLS_FEATURE = Buffer.from([0x2b, 6, 1, 5, 5, 7, 1, 24]) // 1.3.6.1.5.5.7.1.24
/** An INTEGER: the TLS extension `status_request`. */
const STATUS_REQUEST = Buffer.from([0x02, 1, 5])

/**
 * Whether a certificate asks its server to staple an OCSP response (RFC 7633), known as must-staple. Throws as
 * {@link subjectPublicKeyInfo} does.
 */
export function wantsStaple(certificate: Buffer): boolean {
  const value = extensionValue(certificate, TLS_FEATURE)
  return (
    value !== undefined &&
    derElements(derElement(value).content).some(({ bytes }) => bytes.equals(STATUS_REQUEST))
  )
}

/** The printable part of IA5String: a name with a NUL is made to be misread. */
const IA5 = /^[\x20-\x7e]*$/

function tbsFields(certificate: Buffer): readonly DerElement[] {
  const [tbs] = derElements(derElement(certificate).content)
  return tbs === undefined ? [] : derElements(tbs.content)
}

function toAltName({ tag, content }: DerElement): readonly AltName[] {
  if (!GENERAL_NAMES.has(tag)) throw malformed()
  const type = GENERAL_NAMES.get(tag)
  if (type === undefined) return []
  if (type === 'ip')
    return content.length === 4 || content.length === 16 ? [{ type, value: addressOf(content) }] : []
  const value = content.toString('latin1')
  return IA5.test(value) ? [{ type, value }] : []
}

function addressOf(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16))
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address
}
