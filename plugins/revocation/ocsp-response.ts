import { createHash, type X509Certificate } from 'node:crypto'
import {
  id_kp_OCSPSigning,
  id_pkix_ocsp_nocheck,
  id_pkix_ocsp_nonce,
  OCSPResponse,
  ResponseData,
  type SingleResponse,
} from '@peculiar/asn1-ocsp'
import { AsnConvert } from '@peculiar/asn1-schema'
import { type CertificateDetails, readDetails } from 'portcullis/x509'
import { bitsOf, DerCursor, TAG } from './der-cursor.js'
import { NoAnswer } from './no-answer.js'
import { algorithmIn, demandSignature, type Signed } from './signature.js'
import { type Issuer, type Subject, subjectOf } from './subject.js'
import { dateOf, SKEW } from './times.js'

/** What a responder says about one certificate; its signature has been checked. Times are milliseconds since the epoch. */
export interface OcspAnswer {
  readonly thisUpdate: number
  readonly nextUpdate: number | undefined
  /** Undefined: good. */
  readonly revoked: { readonly at: number; readonly reason: number | undefined } | undefined
  readonly size: number
}

export interface ReadOptions {
  readonly readCertificates: (der: Uint8Array) => readonly X509Certificate[]
  /** Whether the certificate of a delegated responder is good, which does not say that it need not be checked. */
  readonly isGood: (responder: Subject) => Promise<boolean>
  /** What was sent with the request. */
  readonly nonce?: Buffer
}

const BASIC = '1.3.6.1.5.5.7.48.1.1'
const STATUS = [
  'successful',
  'malformedRequest',
  'internalError',
  'tryLater',
  '',
  'sigRequired',
  'unauthorized',
]
const HASHES: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}
const MAX_CERTIFICATES = 8
const LEAST_RSA_BITS = 2048

interface Basic extends Signed {
  readonly data: ResponseData
  /** DER, as sent. */
  readonly certificates: readonly Buffer[]
}

/**
 * Reads a response, and checks all of it but its times.
 * @throws {NoAnswer} for what says nothing about the certificate
 */
export async function openResponse(der: Buffer, subject: Subject, options: ReadOptions): Promise<OcspAnswer> {
  const basic = readBasic(der)
  demandNonce(basic.data, options.nonce)
  const found = basic.data.responses.filter(single => isAbout(single, subject))
  if (found.length === 0) throw new NoAnswer('it is about another certificate')
  await demandSignature(basic, await keyOf(basic, subject.issuer, options))
  const answers = found.map(single => answerIn(single, der.length))
  const [first] = answers.filter(({ revoked }) => revoked !== undefined).concat(answers)
  if (first === undefined) throw new NoAnswer('it is about another certificate')
  return first
}

function readBasic(der: Buffer): Basic {
  const whole = new DerCursor(der)
  whole.take(TAG.sequence)
  whole.finish()
  const { responseStatus, responseBytes } = parse(der, OCSPResponse)
  if (responseStatus !== 0)
    throw new NoAnswer(`the responder says ${STATUS[responseStatus] ?? responseStatus}`)
  if (responseBytes?.responseType !== BASIC) throw new NoAnswer('it is of an unknown kind')
  const bytes = Buffer.from(responseBytes.response.buffer)
  const outer = new DerCursor(bytes)
  const fields = outer.take(TAG.sequence).inside()
  outer.finish()
  const tbs = fields.take(TAG.sequence).element
  const algorithm = algorithmIn(fields.take(TAG.sequence).element)
  const signature = bitsOf(fields.take(TAG.bitString))
  const certificates = fields.sees(TAG.context0) ? certificatesIn(fields.take(TAG.context0).inside()) : []
  fields.finish()
  return { tbs, algorithm, signature, certificates, data: parse(tbs, ResponseData) }
}

function certificatesIn(field: DerCursor): readonly Buffer[] {
  const list = field.take(TAG.sequence).inside()
  const found: Buffer[] = []
  while (!list.isAtEnd && found.length < MAX_CERTIFICATES) found.push(list.take(TAG.sequence).element)
  return found
}

/** A response without a nonce is taken: most responders make theirs ahead. */
function demandNonce({ responseExtensions = [] }: ResponseData, nonce: Buffer | undefined): void {
  if (responseExtensions.some(({ critical }) => critical))
    throw new NoAnswer('a critical extension of it is not understood')
  const found = responseExtensions.find(({ extnID }) => extnID === id_pkix_ocsp_nonce)
  if (nonce === undefined || found === undefined) return
  const value = Buffer.from(found.extnValue.buffer)
  if (!value.equals(nonceValue(nonce))) throw new NoAnswer('it answers another request (nonce)')
}

/** A nonce is an octet string in the octet string of its extension. */
export const nonceValue = (nonce: Buffer): Buffer =>
  Buffer.concat([Buffer.from([TAG.octetString, nonce.length]), nonce])

function isAbout({ certID }: SingleResponse, subject: Subject): boolean {
  const hash = HASHES[certID.hashAlgorithm.algorithm]
  if (hash === undefined) return false
  const { rawSubject, publicKeyBits } = subject.issuer
  const digest = (bytes: Buffer): Buffer => createHash(hash).update(bytes).digest()
  return (
    Buffer.from(certID.serialNumber).equals(subject.serial) &&
    Buffer.from(certID.issuerNameHash.buffer).equals(digest(rawSubject)) &&
    Buffer.from(certID.issuerKeyHash.buffer).equals(digest(publicKeyBits))
  )
}

function answerIn(
  { certStatus, thisUpdate, nextUpdate, singleExtensions = [] }: SingleResponse,
  size: number,
): OcspAnswer {
  if (singleExtensions.some(({ critical }) => critical))
    throw new NoAnswer('a critical extension of it is not understood')
  const { revoked, good } = certStatus
  if (revoked === undefined && good === undefined)
    throw new NoAnswer('the responder does not know the certificate')
  const times = { thisUpdate: thisUpdate.getTime(), nextUpdate: nextUpdate?.getTime() }
  const { revocationTime, revocationReason } = revoked ?? {}
  const at = revocationTime?.getTime()
  return {
    ...times,
    size: size + 500,
    revoked: at === undefined ? undefined : { at, reason: revocationReason?.reason },
  }
}

/**
 * The key that has to have signed: the issuer's, or one to which the issuer has delegated (RFC 6960 section 4.2.2.2).
 * @throws {NoAnswer} for a responder that may not answer for the issuer
 */
async function keyOf({ data, certificates }: Basic, issuer: Issuer, options: ReadOptions) {
  const isNamed = responderIs(data)
  if (isNamed(issuer)) return issuer.key
  for (const der of certificates) {
    const responder = readResponder(der, options)
    if (responder === undefined || !isNamed(responder.details)) continue
    try {
      await demandDelegated(responder, issuer, options)
      return responder.x509.publicKey
    } catch (cause) {
      throw cause instanceof NoAnswer
        ? cause
        : new NoAnswer('the certificate of its responder cannot be read')
    }
  }
  throw new NoAnswer('the certificate of its responder is missing')
}

function responderIs({ responderID }: ResponseData): (responder: Named) => boolean {
  const { byKey, byName } = responderID
  if (byKey !== undefined) {
    const wanted = Buffer.from(byKey.buffer)
    return ({ publicKeyBits }) => createHash('sha1').update(publicKeyBits).digest().equals(wanted)
  }
  if (byName === undefined) return () => false
  const wanted = Buffer.from(AsnConvert.serialize(byName))
  return ({ rawSubject }) => rawSubject.equals(wanted)
}

type Named = Pick<CertificateDetails, 'rawSubject' | 'publicKeyBits'>

interface Responder {
  readonly x509: X509Certificate
  readonly details: CertificateDetails
}

function readResponder(der: Buffer, { readCertificates }: ReadOptions): Responder | undefined {
  try {
    const [x509] = readCertificates(der)
    return x509 && { x509, details: readDetails(der) }
  } catch {
    return undefined
  }
}

async function demandDelegated({ x509, details }: Responder, issuer: Issuer, { isGood }: ReadOptions) {
  const wrong = (what: string): NoAnswer => new NoAnswer(`the certificate of its responder ${what}`)
  const { rawIssuer, tbs, signature, signatureAlgorithm, keyUsage, extendedKeyUsage } = details
  if (!rawIssuer.equals(issuer.rawSubject)) throw wrong('is of another issuer')
  if (!extendedKeyUsage?.includes(id_kp_OCSPSigning)) throw wrong('is not for OCSP (extendedKeyUsage)')
  if (keyUsage !== undefined && !keyUsage.includes('digitalSignature')) throw wrong('may not sign (keyUsage)')
  const [from, to, now] = [Date.parse(x509.validFrom), Date.parse(x509.validTo), Date.now()]
  if (!(from <= now + SKEW && now < to + SKEW)) throw wrong(`is valid from ${dateOf(from)} to ${dateOf(to)}`)
  const { asymmetricKeyType = '', asymmetricKeyDetails = {} } = x509.publicKey
  if (asymmetricKeyType.startsWith('rsa') && !((asymmetricKeyDetails.modulusLength ?? 0) >= LEAST_RSA_BITS))
    throw wrong('has a weak key')
  await demandSignature({ algorithm: signatureAlgorithm.oid, tbs, signature }, issuer.key).catch(() => {
    throw wrong('is not signed by the issuer')
  })
  if (details.extension(id_pkix_ocsp_nocheck) !== undefined) return
  if (!(await isGood(subjectOf(details, issuer, false))))
    throw wrong('may have been revoked: it has no id-pkix-ocsp-nocheck, and is on no list')
}

function parse<T>(der: Buffer, schema: new () => T): T {
  try {
    return AsnConvert.parse(der, schema)
  } catch {
    throw new NoAnswer('it is not the DER that OCSP asks for')
  }
}
