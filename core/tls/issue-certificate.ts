/** Issues certificates: for the authority of `bump` mode and its leaves, for the test kit and for our own tests. */
import 'reflect-metadata' // before the x509 library, whose container looks for it
import { KeyObject, randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonName,
  KeyUsageFlags,
  KeyUsagesExtension,
  type Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'

cryptoProvider.set(webcrypto)

export type KeyPair = webcrypto.CryptoKeyPair
/** A distinguished name; as a string in the form of RFC 4514, `CN=example.com, O=Example`. */
export type DistinguishedName = string | JsonName | Name

export type KeyUsageName = keyof typeof KeyUsageFlags
export type ExtendedKeyUsageName = keyof typeof ExtendedKeyUsage

/** A key and the algorithm of its signatures. */
export interface SigningKey {
  readonly key: webcrypto.CryptoKey
  readonly algorithm: { readonly name: string; readonly hash: string }
}

/** The issuer of a certificate. */
export interface Issuer extends SigningKey {
  readonly name: DistinguishedName
  /** Hexadecimal, for the authority key identifier; undefined leaves the extension out. */
  readonly keyId?: string | undefined
}

export interface CertificateRequest {
  /** Undefined: no subject; the subject alternative names are critical then (RFC 5280 section 4.2.1.6). */
  readonly subject: DistinguishedName | undefined
  readonly notBefore: Date
  readonly notAfter: Date
  readonly isAuthority?: boolean
  readonly pathLength?: number | undefined
  /** An empty list leaves the extension out. */
  readonly keyUsage?: readonly KeyUsageName[]
  /** An empty list leaves the extension out. */
  readonly extendedKeyUsage?: readonly ExtendedKeyUsageName[]
  /** DNS names in ASCII, and addresses; an empty list leaves the extension out. */
  readonly names?: readonly string[]
  /** False leaves the subject key identifier out. */
  readonly hasKeyId?: boolean
  readonly extensions?: readonly Extension[]
  /** Hexadecimal; default: random. */
  readonly serialNumber?: string | undefined
}

/** The signature algorithm of the keys of {@link generateKeys}. */
export const ECDSA = Object.freeze({ name: 'ECDSA', hash: 'SHA-256' })

export function generateKeys(namedCurve = 'P-256'): Promise<KeyPair> {
  return webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve }, true, ['sign', 'verify'])
}

/** PKCS #8, which OpenSSL and Node read. */
export const privateKeyPem = ({ privateKey }: KeyPair): string =>
  KeyObject.from(privateKey).export({ type: 'pkcs8', format: 'pem' }).toString()

/** The subject key identifier of this key, hexadecimal. */
export const keyIdOf = async (key: webcrypto.CryptoKey): Promise<string> =>
  (await SubjectKeyIdentifierExtension.create(key)).keyId

/** @returns the certificate as PEM */
export async function issueCertificate(
  request: CertificateRequest,
  publicKey: webcrypto.CryptoKey,
  issuer: Issuer,
): Promise<string> {
  const { subject, notBefore, notAfter, serialNumber = randomSerial() } = request
  const made = await X509CertificateGenerator.create({
    serialNumber,
    ...(subject === undefined ? {} : { subject }),
    issuer: issuer.name,
    notBefore,
    notAfter,
    publicKey,
    signingKey: issuer.key,
    signingAlgorithm: issuer.algorithm,
    extensions: await extensionsOf(request, publicKey, issuer.keyId),
  })
  return `${made.toString('pem')}\n`
}

async function extensionsOf(
  request: CertificateRequest,
  publicKey: webcrypto.CryptoKey,
  issuerKeyId: string | undefined,
): Promise<Extension[]> {
  const { isAuthority = false, keyUsage = [], extendedKeyUsage = [], names = [], hasKeyId = true } = request
  const usages = keyUsage.reduce((sum, usage) => sum | KeyUsageFlags[usage], 0)
  const extendedUsages = extendedKeyUsage.map(usage => ExtendedKeyUsage[usage])
  const alternatives = names.map(value => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }) as const)
  return [
    new BasicConstraintsExtension(isAuthority, request.pathLength, true),
    ...(usages === 0 ? [] : [new KeyUsagesExtension(usages, true)]),
    ...(extendedUsages.length === 0 ? [] : [new ExtendedKeyUsageExtension(extendedUsages)]),
    ...(names.length === 0
      ? []
      : [new SubjectAlternativeNameExtension(alternatives, request.subject === undefined)]),
    ...(hasKeyId ? [await SubjectKeyIdentifierExtension.create(publicKey)] : []),
    ...(issuerKeyId === undefined ? [] : [new AuthorityKeyIdentifierExtension(issuerKeyId)]),
    ...(request.extensions ?? []),
  ]
}

/** RFC 5280 section 4.1.2.2: positive and at most 20 bytes; random, because an issuer must not use one twice. */
function randomSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}
