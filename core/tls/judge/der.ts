import { ProxyError } from '../../base/errors.js'

/** One element of DER (X.690): its tag byte, its content, and all of its bytes. */
export interface DerElement {
  readonly tag: number
  readonly content: Buffer
  readonly bytes: Buffer
}

export const DER = {
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
  /** tbsCertificate.version and tbsCertificate.extensions. */
  context0: 0xa0,
  context3: 0xa3,
} as const

/**
 * The elements of a content.
 * @throws {ProxyError} PTC_HANDSHAKE_FAILED when it is not DER to the last byte
 */
export function derElements(content: Buffer): readonly DerElement[] {
  const elements: DerElement[] = []
  for (let rest = content; rest.length > 0; ) {
    const element = first(rest)
    elements.push(element)
    rest = rest.subarray(element.bytes.length)
  }
  return elements
}

/** Reads `bytes` as one element. */
export function derElement(bytes: Buffer): DerElement {
  const [element, ...more] = derElements(bytes)
  if (element === undefined || more.length > 0) throw malformed()
  return element
}

function first(bytes: Buffer): DerElement {
  const [tag, short] = bytes
  if (tag === undefined || short === undefined || (tag & 0x1f) === 0x1f) throw malformed()
  const lengthBytes = short < 0x80 ? 0 : short & 0x7f
  // Four length bytes are more than a certificate needs; zero is the indefinite form of BER.
  if ((short >= 0x80 && lengthBytes === 0) || lengthBytes > 4 || bytes.length < 2 + lengthBytes)
    throw malformed()
  const length = lengthBytes === 0 ? short : bytes.readUIntBE(2, lengthBytes)
  const start = 2 + lengthBytes
  if (bytes.length < start + length) throw malformed()
  return { tag, content: bytes.subarray(start, start + length), bytes: bytes.subarray(0, start + length) }
}

/** The error for a certificate without a required part. */
export function malformed(): ProxyError {
  return new ProxyError('PTC_HANDSHAKE_FAILED', 'a certificate is not the DER that X.509 asks for')
}
