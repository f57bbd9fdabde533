import { ProxyError } from '../../base/errors.js'
import type { ClientKind, InboundTlsSettings } from '../../settings/inbound-tls.js'
import type { ClientCertificate, ClientInfo } from './client-info.js'

/** Which certificates clients of one kind have to show now. */
export interface CertificateTerms {
  readonly level: InboundTlsSettings['clients']['level'][ClientKind]
  /** The digest of the authorities in force and their revocation lists; undefined: no certificate counts. */
  readonly trust: string | undefined
}

export type ClientTerms = Readonly<Record<ClientKind, CertificateTerms>>

type Refusal = ProxyError | undefined

/**
 * Whether a new handshake would ask for what the client has not shown, or would not take what it has. A handshake checks a
 * client once; this checks an open connection again, for the changes of reloads and for the time.
 * @param now in milliseconds since 1970
 */
export function endedBy(
  terms: ClientTerms,
  { handshakes }: Pick<ClientInfo, 'handshakes'>,
  now = Date.now(),
): Refusal {
  for (const { kind, shown } of handshakes) {
    const { level, trust } = terms[kind]
    const refusal = level === 'none' ? undefined : endOf(shown, level, trust, now)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

function endOf(
  shown: ClientCertificate | undefined,
  level: CertificateTerms['level'],
  trust: string | undefined,
  now: number,
): Refusal {
  if (shown !== undefined) return endedCertificate(shown, trust, now)
  return level === 'required'
    ? ended('the proxy requires a client certificate now, and its connection began without one')
    : undefined
}

/** Whether a certificate counts no more. @param trust as {@link CertificateTerms} has it @param now as for {@link endedBy} */
export function endedCertificate(
  { trust: verifiedBy, validUntil }: ClientCertificate,
  trust: string | undefined,
  now: number,
): Refusal {
  if (verifiedBy === undefined || verifiedBy !== trust)
    return ended(
      'the authorities of client certificates, or their revocation lists, are not those of its connection any more',
    )
  return now <= validUntil ? undefined : ended(EXPIRED)
}

export const EXPIRED =
  'its certificate has expired or is not valid yet, or an authority above it has expired, or the revocation lists have'

/** The certificate was good when the connection began: the client has to open another connection. */
export const ended = (why: string): ProxyError => new ProxyError('PTC_LOGIN_ENDED', why)
