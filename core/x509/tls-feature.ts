import { AsnArray, AsnPropTypes, AsnType, AsnTypeTypes } from '@peculiar/asn1-schema'
import { readAsn1 } from './asn1.js'

/** The extensions of TLS that a server has to answer (RFC 7633 section 4.1). */
class TlsFeature extends AsnArray<number> {}
AsnType({ type: AsnTypeTypes.Sequence, itemType: AsnPropTypes.Integer })(TlsFeature)

const STATUS_REQUEST = 5

/** Whether the feature status_request is demanded. @param value DER @throws {ProxyError} PTC_CERTIFICATE_UNREADABLE */
export function hasStatusRequest(value: Buffer): boolean {
  return [...readAsn1(value, TlsFeature, 'its extension tlsFeature')].includes(STATUS_REQUEST)
}
