import type { X509Certificate } from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import { Certificate as RawCertificate } from '@peculiar/asn1-x509'
import { type CertificateDetails, readDetails } from 'portcullis/x509'

/** What a path is made of. */
export interface PathCertificate {
  readonly der: Buffer
  readonly x509: X509Certificate
}

/** Certificates between the leaf and an authority. */
const MAX_ISSUERS = 6
const MIN_RSA = 2048
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const ANY_USAGE = '2.5.29.37.0'
/** Extensions that are looked at here; any other that is critical makes the path unusable. */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  '2.5.29.15',
  '2.5.29.17',
  '2.5.29.19',
  '2.5.29.37',
  '2.5.29.14',
  '2.5.29.35',
])
const NAME_CONSTRAINTS = '2.5.29.30'
const SIGNATURES: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.10',
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.3.101.112',
])

/**
 * Verifies an X.509-SVID with the authorities of its trust domain alone, and no others: signatures, validity, authority
 * and path length, key usages. The path is the certificates in the order in which they were sent; an authority of the
 * bundle ends it.
 * @returns why not; undefined if it is good
 * @throws what makes a certificate unreadable
 */
export function whyNotSvid(
  chain: readonly PathCertificate[],
  authorities: readonly X509Certificate[],
  now = Date.now(),
): string | undefined {
  let issuers = 0
  for (const [i, cert] of chain.entries()) {
    const details = readDetails(cert.der)
    const why = i === 0 ? whyNotLeaf(details) : whyNotAuthority(details, issuers - 1)
    const wrong = why ?? whyNotAnywhere(cert, details, now)
    if (wrong !== undefined) return `certificate ${i} ${wrong}`
    const anchors = authorities.filter(authority => isIssuedBy(cert.x509, authority))
    for (const anchor of anchors) {
      const anchorDetails = readDetails(anchor.raw)
      const bad =
        whyNotAuthority(anchorDetails, issuers) ??
        whyNotAnywhere({ der: anchor.raw, x509: anchor }, anchorDetails, now)
      if (bad === undefined) return undefined
    }
    if (anchors.length > 0) return 'its authority in the bundle is not valid, or not for this path'
    const next = chain[i + 1]
    if (next === undefined || !isIssuedBy(cert.x509, next.x509))
      return 'no authority of the bundle has issued it'
    issuers++
    if (issuers > MAX_ISSUERS) return 'its path is too long'
  }
  return 'no authority of the bundle has issued it'
}

const isIssuedBy = (cert: X509Certificate, issuer: X509Certificate): boolean =>
  cert.checkIssued(issuer) && cert.verify(issuer.publicKey)

function whyNotLeaf({ isCa, keyUsage, extendedKeyUsage }: CertificateDetails): string | undefined {
  if (isCa) return 'is an authority, and no workload'
  if (keyUsage === undefined || !keyUsage.includes('digitalSignature'))
    return 'has no key usage digitalSignature'
  if (keyUsage.includes('keyCertSign') || keyUsage.includes('crlSign'))
    return 'may sign certificates or lists'
  const isServer = extendedKeyUsage?.some(usage => usage === SERVER_AUTH || usage === ANY_USAGE) ?? true
  return isServer ? undefined : 'is not for servers'
}

/** @param below how many authorities stand between it and the leaf */
function whyNotAuthority(
  { isCa, keyUsage, pathLength }: CertificateDetails,
  below: number,
): string | undefined {
  if (!isCa) return 'is no authority'
  if (keyUsage !== undefined && !keyUsage.includes('keyCertSign')) return 'may not sign certificates'
  if (pathLength !== undefined && below > pathLength) return 'allows no such long path'
  return undefined
}

function whyNotAnywhere(
  { der, x509 }: PathCertificate,
  details: CertificateDetails,
  now: number,
): string | undefined {
  const [begins, ends] = [Date.parse(x509.validFrom), Date.parse(x509.validTo)]
  if (Number.isNaN(begins) || Number.isNaN(ends)) return 'has a date that cannot be read'
  if (now < begins) return 'is not valid yet'
  if (now > ends) return 'has expired'
  if (!SIGNATURES.has(details.signatureAlgorithm.oid)) return `is signed by ${details.signatureAlgorithm.oid}`
  const { asymmetricKeyType, asymmetricKeyDetails } = x509.publicKey
  if (asymmetricKeyType?.startsWith('rsa') && (asymmetricKeyDetails?.modulusLength ?? 0) < MIN_RSA)
    return `has a key of less than ${MIN_RSA} bits`
  const { extensions = [] } = AsnConvert.parse(der, RawCertificate).tbsCertificate
  const unknown = extensions.find(
    ({ extnID, critical }) => extnID === NAME_CONSTRAINTS || (critical && !UNDERSTOOD.has(extnID)),
  )
  return unknown === undefined ? undefined : `has the extension ${unknown.extnID}, which is not understood`
}
