/**
 * PEM, read and written in one place (RFC 7468). Every reader behind it (OpenSSL, Node, the library that issues
 * certificates) is given DER, or PEM that this file has written: a text that two of them read differently reaches neither.
 */
import { ProxyError } from './errors.js'

const CERTIFICATE = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----([\s\S]*?)-----END ([^-]*)-----/g
const BASE64 = /^(?=.)(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const SEQUENCE = 0x30

/** One certificate as PEM: lines of 64 characters, and a final newline. */
export function toPem(der: Uint8Array): string {
  const { buffer, byteOffset, byteLength } = der
  const base64 = Buffer.from(buffer, byteOffset, byteLength).toString('base64')
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`
}

/**
 * DER of every certificate in a PEM text, in its order. Text between the blocks, and blocks of other kinds, are passed over.
 * @throws {ProxyError} PTC_CERTIFICATE_UNREADABLE for a block that is not one certificate in base64 and nothing else
 */
export function certificatesInPem(text: string): readonly Buffer[] {
  return [...text.matchAll(CERTIFICATE)].map(([, label = '', base64 = '', end], i) => {
    const bad = (why: string): ProxyError =>
      new ProxyError('PTC_CERTIFICATE_UNREADABLE', `certificate ${i + 1} ${why}`)
    if (label !== end) throw bad(`begins as ${label} and ends as ${end}`)
    if (label.startsWith('TRUSTED'))
      throw bad('is of the form TRUSTED CERTIFICATE; `openssl x509 -in FILE -out NEW` writes it without')
    const joined = base64.replace(/\s+/g, '')
    if (!BASE64.test(joined)) throw bad('is not base64 between its BEGIN and END lines')
    const der = Buffer.from(joined, 'base64')
    if (!isOneSequence(der)) throw bad('is not one DER certificate to the last byte')
    return der
  })
}

/** Whether the bytes are one SEQUENCE with nothing behind it. What is in it is for X.509 readers to judge. */
function isOneSequence(der: Buffer): boolean {
  const [tag, short = 0x80] = der
  if (tag !== SEQUENCE || short === 0x80 || short > 0x84) return false
  const lengthBytes = short < 0x80 ? 0 : short - 0x80
  if (der.length < 2 + lengthBytes) return false
  const length = lengthBytes === 0 ? short : der.readUIntBE(2, lengthBytes)
  return der.length === 2 + lengthBytes + length
}
