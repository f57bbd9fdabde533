/** The certificates of the operator's authority: its own first, then the issuers that clients are sent with it. */
import 'reflect-metadata' // before the x509 library, whose container looks for it
import type { X509Certificate as NodeX509 } from 'node:crypto'
import { BasicConstraintsExtension, KeyUsageFlags, KeyUsagesExtension, X509Certificate } from '@peculiar/x509'
import { ProxyError } from '../../base/errors.js'
import { certificatesInPem } from '../../base/pem.js'
import { readX509 } from '../../base/x509.js'

/**
 * Reads the certificates of an authority's file. Each must be that of an authority, and valid now.
 * @param from what errors call the file
 * @returns the authority's own, and those behind it
 * @throws {ProxyError} PTC_TLS_CONTEXT
 */
export function readAuthorityChain(
  pem: string,
  from: string,
): readonly [X509Certificate, ...X509Certificate[]] {
  const ders = parse(() => certificatesInPem(pem), `${from}: no certificate`)
  const [own, ...issuers] = ders.map((der, i) => readCertificate(der, nameAt(from, i)))
  if (own === undefined) throw badAuthority(`${from}: no certificate`)
  const all = [own, ...issuers] as const
  for (const [i, certificate] of all.entries()) checkAuthority(certificate, nameAt(from, i))
  return all
}

/** The file alone is the first certificate. */
const nameAt = (from: string, i: number): string => (i === 0 ? from : `${from}: certificate ${i + 1}`)

function readCertificate(der: Buffer, name: string): X509Certificate {
  const certificate = parse(() => new X509Certificate(der), `${name}: no certificate`)
  if (!Buffer.from(certificate.rawData).equals(der)) throw badAuthority(`${name}: the certificate is not DER`)
  return certificate
}

function checkAuthority(certificate: X509Certificate, name: string): void {
  const bad = (what: string): ProxyError => badAuthority(`${name}: ${what}`)
  if (certificate.getExtension(BasicConstraintsExtension)?.ca !== true)
    throw bad('the certificate is not that of an authority (basicConstraints CA)')
  // RFC 5280 section 4.2.1.3: without the extension a key may be used for everything.
  const usages = certificate.getExtension(KeyUsagesExtension)?.usages ?? KeyUsageFlags.keyCertSign
  if ((usages & KeyUsageFlags.keyCertSign) === 0)
    throw bad("the certificate's keyUsage does not let it issue others (keyCertSign)")
  if (certificate.notBefore.getTime() > Date.now())
    throw bad(`the certificate is not valid before ${certificate.notBefore.toISOString()}`)
  if (certificate.notAfter.getTime() < Date.now())
    throw bad(`the certificate expired on ${certificate.notAfter.toISOString()}`)
}

/**
 * RFC 8446 section 4.4.2: a certificate that a client is sent certifies one that it was sent before.
 * @throws {ProxyError} PTC_TLS_CONTEXT
 */
export function checkAuthorityChain(all: readonly X509Certificate[], from: string): void {
  const views = all.map(({ rawData }) => readX509(new Uint8Array(rawData)))
  /** How many authorities stand below each. */
  const below = [0]
  for (const [i, issuer] of views.entries()) {
    if (i === 0) continue
    const hasIssued = (view: NodeX509, j: number): boolean =>
      j < i && view.checkIssued(issuer) && view.verify(issuer.publicKey)
    const issued = parse(
      () => views.findIndex(hasIssued),
      `${nameAt(from, i)}: the certificate has no usable key`,
    )
    const name = `certificate ${i + 1} (${all[i]?.subject})`
    if (issued === -1)
      throw badAuthority(
        `${from}: ${name} has issued none of those in front of it; behind the authority's own certificate stand its issuers only, each behind the one that it has issued`,
      )
    below[i] = (below[issued] ?? 0) + 1
    const most = all[i]?.getExtension(BasicConstraintsExtension)?.pathLength
    if (most !== undefined && most < (below[i] ?? 0))
      throw badAuthority(`${from}: ${name} permits fewer authorities below it (pathLenConstraint ${most})`)
  }
}

/** @throws {ProxyError} PTC_TLS_CONTEXT that says `what` */
export function parse<T>(read: () => T, what: string): T {
  try {
    return read()
  } catch (cause) {
    throw new ProxyError('PTC_TLS_CONTEXT', what, { cause })
  }
}

export const badAuthority = (message: string): ProxyError => new ProxyError('PTC_TLS_CONTEXT', message)
