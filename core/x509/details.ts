/**
 * What a plugin may import as `portcullis/x509`: what Node's X509Certificate lacks, read from the bytes that the built-in
 * check has seen, when it is asked for. Longer than 250 lines because half of it are docstrings of the public API.
 */
import { createHash } from 'node:crypto'
import {
  AuthorityInfoAccessSyntax,
  BasicConstraints,
  CertificatePolicies,
  CRLDistributionPoints,
  type DistributionPoint,
  ExtendedKeyUsage,
  Extensions,
  KeyUsage,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
} from '@peculiar/asn1-x509'
import type { Certificate } from '../api/certificate.js'
import { unreadable } from '../base/x509.js'
import { hasStatusRequest, RawCertificate, RawTbs, readAsn1, writeAsn1 } from './asn1.js'
import { readOctetSctList, readSctList, readStapledScts, type Sct } from './scts.js'

export type { Sct } from './scts.js'
export { readSctList, readStapledScts }

/** The words of RFC 5280 section 4.2.1.3. */
export type KeyUsageName =
  | 'digitalSignature'
  | 'nonRepudiation'
  | 'keyEncipherment'
  | 'dataEncipherment'
  | 'keyAgreement'
  | 'keyCertSign'
  | 'crlSign'
  | 'encipherOnly'
  | 'decipherOnly'

/** Where a revocation list is (RFC 5280 section 4.2.1.13). */
export interface CrlPoint {
  /** Its http and https URLs. */
  readonly urls: readonly string[]
  /** All of its names (GeneralName, DER): the scope of a list names its distribution point by one of them. */
  readonly names: readonly Buffer[]
  /** The list is about some reasons of revocation only. */
  readonly isForSomeReasons: boolean
  /** The list is signed by another authority: an indirect list. */
  readonly isIndirect: boolean
}

/** An algorithm by its OID, and its usual name where it has one: `ecdsa-with-SHA256`. */
export interface SignatureAlgorithm {
  readonly oid: string
  readonly name: string | undefined
}

/**
 * The details of one certificate. A field is read when it is asked for, and throws a {@link ProxyError}
 * PTC_CERTIFICATE_UNREADABLE if its extension is there twice, or cannot be read: it is never taken for one that is absent.
 */
export interface CertificateDetails {
  /** DER, all of it. */
  readonly der: Buffer
  /** The part that is signed, DER. */
  readonly tbs: Buffer
  readonly signature: Buffer
  readonly signatureAlgorithm: SignatureAlgorithm
  /** The names, DER, byte for byte as in the certificate. */
  readonly rawSubject: Buffer
  readonly rawIssuer: Buffer
  /** The content of the INTEGER, as lower-case hex digits, with the leading zeros that it has. */
  readonly serialNumber: string
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Buffer
  /** SHA-256 of `spki`, base64, as in a pin. */
  readonly spkiSha256: string
  /** The bits of the key itself, without its algorithm: what OCSP and key identifiers hash. */
  readonly publicKeyBits: Buffer
  /** URLs of the issuer's certificate (authorityInfoAccess, caIssuers): http and https. */
  readonly caIssuers: readonly string[]
  /** URLs of OCSP responders. */
  readonly ocspUrls: readonly string[]
  readonly crlPoints: readonly CrlPoint[]
  /** The URLs of all complete, direct lists in `crlPoints`. */
  readonly crlUrls: readonly string[]
  /** It demands a stapled OCSP response (RFC 7633, status_request). */
  readonly isMustStaple: boolean
  /** The embedded timestamps (RFC 6962). */
  readonly scts: readonly Sct[]
  /** Undefined: not restricted. */
  readonly keyUsage: readonly KeyUsageName[] | undefined
  /** OIDs; undefined: not restricted. */
  readonly extendedKeyUsage: readonly string[] | undefined
  /** OIDs of the certificate policies. */
  readonly policies: readonly string[]
  /** By basicConstraints. */
  readonly isCa: boolean
  readonly pathLength: number | undefined
  readonly subjectKeyId: Buffer | undefined
  /** An extension by its OID, undefined if it is absent. `value`: DER, the content of the octet string. */
  readonly extension: (oid: string) => { readonly isCritical: boolean; readonly value: Buffer } | undefined
  /**
   * The signed part of the precertificate: `tbs` without the embedded timestamps, which is what logs have signed
   * (RFC 6962 section 3.2).
   */
  readonly precertificateTbs: () => Buffer
}

const OID = {
  keyUsage: '2.5.29.15',
  basicConstraints: '2.5.29.19',
  subjectKeyId: '2.5.29.14',
  crlPoints: '2.5.29.31',
  policies: '2.5.29.32',
  extendedKeyUsage: '2.5.29.37',
  authorityInfo: '1.3.6.1.5.5.7.1.1',
  tlsFeature: '1.3.6.1.5.5.7.1.24',
  scts: '1.3.6.1.4.1.11129.2.4.2',
  caIssuers: '1.3.6.1.5.5.7.48.2',
  ocsp: '1.3.6.1.5.5.7.48.1',
} as const

const ALGORITHMS: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.5': 'sha1WithRSAEncryption',
  '1.2.840.113549.1.1.10': 'RSASSA-PSS',
  '1.2.840.113549.1.1.11': 'sha256WithRSAEncryption',
  '1.2.840.113549.1.1.12': 'sha384WithRSAEncryption',
  '1.2.840.113549.1.1.13': 'sha512WithRSAEncryption',
  '1.2.840.10045.4.3.2': 'ecdsa-with-SHA256',
  '1.2.840.10045.4.3.3': 'ecdsa-with-SHA384',
  '1.2.840.10045.4.3.4': 'ecdsa-with-SHA512',
  '1.3.101.112': 'Ed25519',
  '1.3.101.113': 'Ed448',
}

const KEY_USAGES: readonly KeyUsageName[] = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'crlSign',
  'encipherOnly',
  'decipherOnly',
]

/**
 * The details of a certificate.
 * @param certificate of an event, or DER
 * @throws {ProxyError} PTC_CERTIFICATE_UNREADABLE if it is no certificate, to its last byte
 */
export function readDetails(certificate: Pick<Certificate, 'der'> | Uint8Array): CertificateDetails {
  return new Details(Buffer.from(certificate instanceof Uint8Array ? certificate : certificate.der))
}

class Details implements CertificateDetails {
  readonly der: Buffer
  readonly tbs: Buffer
  readonly #certificate: RawCertificate
  readonly #tbs: RawTbs

  constructor(der: Buffer) {
    this.der = der
    this.#certificate = readAsn1(der, RawCertificate, 'it')
    if (!writeAsn1(this.#certificate).equals(der)) throw unreadable('its bytes have another reading')
    this.tbs = Buffer.from(this.#certificate.tbs)
    this.#tbs = readAsn1(this.tbs, RawTbs, 'it')
  }

  get signature(): Buffer {
    return Buffer.from(this.#certificate.signature)
  }

  get signatureAlgorithm(): SignatureAlgorithm {
    const { algorithm: oid } = this.#certificate.signatureAlgorithm
    return { oid, name: ALGORITHMS[oid] }
  }

  get rawSubject(): Buffer {
    return Buffer.from(this.#tbs.subject)
  }

  get rawIssuer(): Buffer {
    return Buffer.from(this.#tbs.issuer)
  }

  get serialNumber(): string {
    return Buffer.from(this.#tbs.serialNumber).toString('hex')
  }

  get spki(): Buffer {
    return Buffer.from(this.#tbs.spki)
  }

  get spkiSha256(): string {
    return createHash('sha256').update(this.spki).digest('base64')
  }

  get publicKeyBits(): Buffer {
    return Buffer.from(readAsn1(this.#tbs.spki, SubjectPublicKeyInfo, 'its key').subjectPublicKey)
  }

  get caIssuers(): readonly string[] {
    return this.#accessTo(OID.caIssuers)
  }

  get ocspUrls(): readonly string[] {
    return this.#accessTo(OID.ocsp)
  }

  get crlPoints(): readonly CrlPoint[] {
    return [...(this.#read(OID.crlPoints, CRLDistributionPoints) ?? [])].map(crlPoint)
  }

  get crlUrls(): readonly string[] {
    return this.crlPoints
      .filter(({ isForSomeReasons, isIndirect }) => !isForSomeReasons && !isIndirect)
      .flatMap(({ urls }) => urls)
  }

  get isMustStaple(): boolean {
    const value = this.#valueOf(OID.tlsFeature)
    return value !== undefined && hasStatusRequest(value)
  }

  get scts(): readonly Sct[] {
    const value = this.#valueOf(OID.scts)
    return value === undefined ? [] : readOctetSctList(value)
  }

  get keyUsage(): readonly KeyUsageName[] | undefined {
    const bits = this.#read(OID.keyUsage, KeyUsage)?.toNumber()
    return bits === undefined ? undefined : KEY_USAGES.filter((_name, i) => (bits & (1 << i)) !== 0)
  }

  get extendedKeyUsage(): readonly string[] | undefined {
    const usages = this.#read(OID.extendedKeyUsage, ExtendedKeyUsage)
    return usages && [...usages]
  }

  get policies(): readonly string[] {
    const policies = this.#read(OID.policies, CertificatePolicies)
    return [...(policies ?? [])].map(({ policyIdentifier }) => policyIdentifier)
  }

  get isCa(): boolean {
    return this.#read(OID.basicConstraints, BasicConstraints)?.cA === true
  }

  get pathLength(): number | undefined {
    return this.#read(OID.basicConstraints, BasicConstraints)?.pathLenConstraint
  }

  get subjectKeyId(): Buffer | undefined {
    const id = this.#read(OID.subjectKeyId, SubjectKeyIdentifier)
    return id && Buffer.from(id.buffer)
  }

  readonly extension: CertificateDetails['extension'] = oid => {
    const [found, ...more] = (this.#tbs.extensions ?? []).filter(({ extnID }) => extnID === oid)
    if (more.length > 0) throw unreadable(`its extension ${oid} is there twice`)
    return found && { isCritical: found.critical, value: Buffer.from(found.extnValue.buffer) }
  }

  readonly precertificateTbs = (): Buffer => {
    const { extensions } = this.#tbs
    // What is left out is left out of a copy that has been shown to be the same bytes before.
    if (!writeAsn1(this.#tbs).equals(this.tbs)) throw unreadable('its bytes have another reading')
    if (this.extension(OID.scts) === undefined || extensions === undefined) return Buffer.from(this.tbs)
    const rest = new Extensions(extensions.filter(({ extnID }) => extnID !== OID.scts))
    return writeAsn1(Object.assign(new RawTbs(), this.#tbs, { extensions: rest }))
  }

  #valueOf(oid: string): Buffer | undefined {
    return this.extension(oid)?.value
  }

  #read<T>(oid: string, schema: new () => T): T | undefined {
    const value = this.#valueOf(oid)
    return value && readAsn1(value, schema, `its extension ${oid}`)
  }

  #accessTo(method: string): readonly string[] {
    const all = [...(this.#read(OID.authorityInfo, AuthorityInfoAccessSyntax) ?? [])]
    return all
      .filter(({ accessMethod }) => accessMethod === method)
      .flatMap(({ accessLocation: { uniformResourceIdentifier: url } }) => (isHttp(url) ? [url] : []))
  }
}

function crlPoint({ distributionPoint, reasons, cRLIssuer }: DistributionPoint): CrlPoint {
  const names = distributionPoint?.fullName ?? []
  const urls = names.flatMap(({ uniformResourceIdentifier: url }) => (isHttp(url) ? [url] : []))
  const encoded = names.map(name => writeAsn1(name))
  return {
    urls,
    names: encoded,
    isForSomeReasons: reasons !== undefined,
    isIndirect: cRLIssuer !== undefined,
  }
}

function isHttp(url: string | undefined): url is string {
  return url !== undefined && /^https?:\/\//i.test(url)
}
