import { BasicOCSPResponse, OCSPResponse } from '@peculiar/asn1-ocsp'
import { OctetString } from '@peculiar/asn1-schema'
import { unreadable } from '../base/x509.js'
import { readAsn1 } from './asn1.js'

/** One signed certificate timestamp (RFC 6962 section 3.2). */
export interface Sct {
  /** 0: version 1, the only one. Of another version `raw` alone is filled. */
  readonly version: number
  /** SHA-256 of the log's public key, 32 bytes. */
  readonly logId: Buffer
  /** When the log has taken the certificate in; milliseconds since the epoch. */
  readonly timestamp: number
  /** Those of a static-ct log carry the leaf's index. */
  readonly extensions: Buffer
  /** By the numbers of TLS 1.2: 4 is SHA-256. */
  readonly hashAlgorithm: number
  /** 1 RSA, 3 ECDSA. */
  readonly signatureAlgorithm: number
  readonly signature: Buffer
  /** All of its bytes. */
  readonly raw: Buffer
}

/** In a single response of OCSP. */
const OCSP_SCTS = '1.3.6.1.4.1.11129.2.4.5'

/** The most timestamps of one list; certificates have two or three. */
const MAX_SCTS = 64

/**
 * The timestamps of a SignedCertificateTimestampList, as the TLS extension carries it, in its order.
 * @throws {ProxyError} PTC_CERTIFICATE_UNREADABLE when it is not one, to its last byte
 */
export function readSctList(list: Uint8Array): readonly Sct[] {
  const whole = new Reader(Buffer.from(list))
  const items = new Reader(whole.vector(2))
  whole.end()
  const scts: Sct[] = []
  while (!items.isAtEnd) {
    if (scts.length === MAX_SCTS) throw wrong()
    scts.push(readSct(items.vector(2)))
  }
  return scts
}

/**
 * The timestamps in a stapled OCSP response; none where it has none. The response is not verified: each timestamp has a
 * signature of its own.
 * @param response DER, as in `event.ocspResponse`
 * @throws {ProxyError} PTC_CERTIFICATE_UNREADABLE
 */
export function readStapledScts(response: Uint8Array): readonly Sct[] {
  const { responseBytes } = readAsn1(response, OCSPResponse, 'an OCSP response')
  if (responseBytes === undefined) return []
  const basic = readAsn1(responseBytes.response.buffer, BasicOCSPResponse, 'an OCSP response')
  const extensions = basic.tbsResponseData.responses.flatMap(({ singleExtensions }) => singleExtensions ?? [])
  return extensions
    .filter(({ extnID }) => extnID === OCSP_SCTS)
    .flatMap(({ extnValue }) => readOctetSctList(extnValue.buffer))
}

/** The list in an octet string, as extensions of X.509 have it. @throws {ProxyError} PTC_CERTIFICATE_UNREADABLE */
export function readOctetSctList(value: ArrayBuffer | Uint8Array): readonly Sct[] {
  return readSctList(new Uint8Array(readAsn1(value, OctetString, 'a list of timestamps').buffer))
}

function readSct(raw: Buffer): Sct {
  const reader = new Reader(raw)
  const [version] = reader.take(1)
  if (version !== 0) return { ...OF_ANOTHER_VERSION, version: version ?? 255, raw }
  const logId = reader.take(32)
  const timestamp = Number(reader.take(8).readBigUInt64BE())
  const extensions = reader.vector(2)
  const [hashAlgorithm = 0, signatureAlgorithm = 0] = reader.take(2)
  const signature = reader.vector(2)
  reader.end()
  return { version, logId, timestamp, extensions, hashAlgorithm, signatureAlgorithm, signature, raw }
}

const NONE = Buffer.alloc(0)
const OF_ANOTHER_VERSION = {
  logId: NONE,
  timestamp: 0,
  extensions: NONE,
  hashAlgorithm: 0,
  signatureAlgorithm: 0,
  signature: NONE,
}

const wrong = (): Error => unreadable('a list of certificate timestamps is not what RFC 6962 asks for')

/** Reads the vectors of TLS, which are no ASN.1. */
class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  take(length: number): Buffer {
    const end = this.#at + length
    if (end > this.#bytes.length) throw wrong()
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }

  vector(lengthBytes: number): Buffer {
    return this.take(this.take(lengthBytes).readUIntBE(0, lengthBytes))
  }

  end(): void {
    if (!this.isAtEnd) throw wrong()
  }
}
