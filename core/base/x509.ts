import { X509Certificate } from 'node:crypto'
import { ProxyError } from './errors.js'
import { certificatesInPem, toPem } from './pem.js'
import { describe } from './thrown.js'

/**
 * Node's view of one certificate, and the only place that makes one: a test forbids the constructor elsewhere.
 *
 * Node's constructor looks for PEM text anywhere inside the bytes before it reads them as DER. A certificate that carries
 * the PEM text of another one, in an extension or in a name, would be shown as that other one. Here Node is given base64 in
 * an armour of our own, which can hold no second armour, and what it has read is compared with the bytes.
 *
 * @param der DER of one certificate, to its last byte
 * @throws {ProxyError} PTC_CERTIFICATE_UNREADABLE when Node cannot read exactly these bytes
 */
export function readX509(der: Uint8Array): X509Certificate {
  const x509 = parse(toPem(der))
  if (!x509.raw.equals(der)) throw unreadable('what was read of it are not all of its bytes')
  return x509
}

/**
 * The certificates of a PEM text, or the one that this DER is.
 * @throws {ProxyError} PTC_CERTIFICATE_UNREADABLE
 */
export function readCertificates(source: string | Uint8Array): readonly X509Certificate[] {
  if (typeof source === 'string') return certificatesInPem(source).map(readX509)
  return [readX509(source)]
}

function parse(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw unreadable(describe(cause), cause)
  }
}

/** The error for a certificate whose fields cannot be read; nothing else is shown in their place. */
export function unreadable(why: string, cause?: unknown): ProxyError {
  return new ProxyError('PTC_CERTIFICATE_UNREADABLE', `a certificate cannot be read: ${why}`, { cause })
}
