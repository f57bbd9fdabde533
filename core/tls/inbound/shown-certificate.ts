import type { Certificate } from '../../api/certificate.js'
import { ProxyError } from '../../base/errors.js'
import { certificateOf } from '../judge/chain-certificate.js'
import type { InboundOutcome } from '../openssl/inbound-engine.js'

/** The verified certificate of a client. */
export interface ShownCertificate {
  readonly certificate: Certificate
  /** When the first certificate of the verified path expires, in milliseconds since 1970. */
  readonly validUntil: number
}

/**
 * Undefined for a client without a certificate.
 * @throws {ProxyError} PTC_INTERNAL for a certificate without the end of its path
 */
export function shownIn({
  chain: [leaf],
  validUntil,
}: Pick<InboundOutcome, 'chain' | 'validUntil'>): ShownCertificate | undefined {
  if (leaf === undefined) return undefined
  if (validUntil === undefined)
    throw new ProxyError('PTC_INTERNAL', "a client's certificate without the end of its path")
  return { certificate: certificateOf(leaf), validUntil }
}
