import {
  AsnArray,
  AsnConvert,
  AsnIntegerArrayBufferConverter,
  AsnProp,
  AsnPropTypes,
  AsnType,
  AsnTypeTypes,
} from '@peculiar/asn1-schema'
import { AlgorithmIdentifier, Extensions } from '@peculiar/asn1-x509'
import { unreadable } from '../base/x509.js'

/** A certificate whose signed part stays bytes (RFC 5280 section 4.1). */
export class RawCertificate {
  tbs = new ArrayBuffer(0)
  signatureAlgorithm = new AlgorithmIdentifier()
  signature = new ArrayBuffer(0)
}

/** The signed part; names and key stay bytes, because a copy that was written anew need not be the same bytes. */
export class RawTbs {
  version = 0
  serialNumber = new ArrayBuffer(0)
  signature = new ArrayBuffer(0)
  issuer = new ArrayBuffer(0)
  validity = new ArrayBuffer(0)
  subject = new ArrayBuffer(0)
  spki = new ArrayBuffer(0)
  issuerUniqueId?: ArrayBuffer
  subjectUniqueId?: ArrayBuffer
  extensions?: Extensions
}

type Field = Parameters<typeof AsnProp>[0]

const ANY: Field = { type: AsnPropTypes.Any }

/** The library's decorators, called: the compiler's options allow no syntax that is more than types. */
function sequence(of: { readonly prototype: object }, fields: Readonly<Record<string, Field>>): void {
  AsnType({ type: AsnTypeTypes.Sequence })(of as never)
  for (const [name, field] of Object.entries(fields)) AsnProp(field)(of.prototype, name)
}

sequence(RawCertificate, {
  tbs: ANY,
  signatureAlgorithm: { type: AlgorithmIdentifier },
  signature: { type: AsnPropTypes.BitString },
})

sequence(RawTbs, {
  version: { type: AsnPropTypes.Integer, context: 0, defaultValue: 0 },
  serialNumber: { type: AsnPropTypes.Integer, converter: AsnIntegerArrayBufferConverter },
  signature: ANY,
  issuer: ANY,
  validity: ANY,
  subject: ANY,
  spki: ANY,
  issuerUniqueId: { type: AsnPropTypes.BitString, context: 1, implicit: true, optional: true },
  subjectUniqueId: { type: AsnPropTypes.BitString, context: 2, implicit: true, optional: true },
  extensions: { type: Extensions, context: 3, optional: true },
})

/**
 * Reads DER by a schema of the library.
 * @throws {ProxyError} PTC_CERTIFICATE_UNREADABLE
 */
export function readAsn1<T>(der: Uint8Array | ArrayBuffer, schema: new () => T, what: string): T {
  try {
    return AsnConvert.parse(der instanceof ArrayBuffer ? der : new Uint8Array(der).buffer, schema)
  } catch (cause) {
    throw unreadable(`${what} is not the DER that X.509 asks for`, cause)
  }
}

/** @throws {ProxyError} PTC_CERTIFICATE_UNREADABLE */
export function writeAsn1(value: object): Buffer {
  try {
    return Buffer.from(AsnConvert.serialize(value))
  } catch (cause) {
    throw unreadable('it cannot be written as DER', cause)
  }
}

/** The extensions of TLS that a server has to answer (RFC 7633 section 4.1). */
class TlsFeature extends AsnArray<number> {}
AsnType({ type: AsnTypeTypes.Sequence, itemType: AsnPropTypes.Integer })(TlsFeature)

const STATUS_REQUEST = 5

/** Whether the feature status_request is demanded. @param value DER @throws {ProxyError} PTC_CERTIFICATE_UNREADABLE */
export function hasStatusRequest(value: Buffer): boolean {
  return [...readAsn1(value, TlsFeature, 'its extension tlsFeature')].includes(STATUS_REQUEST)
}
