/** The operator's own certificate authority: made once by `portcullis ca init`, read at every start in bump mode. */
import 'reflect-metadata' // before the x509 library, whose container looks for it
import { createPrivateKey, createPublicKey, type KeyObject, webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
} from '@peculiar/x509'
import { ProxyError } from '../../base/errors.js'
import { certificatesInPem } from '../../base/pem.js'
import {
  type CertificateRequest,
  ECDSA,
  generateKeys,
  type Issuer,
  issueCertificate,
  privateKeyPem,
  type SigningKey,
} from '../issue-certificate.js'

/** The issuer of leaf certificates. */
export interface Authority extends Issuer {
  readonly certificate: X509Certificate
  /** Sent behind a leaf: the authority's certificate, unless it is a root, which clients have. */
  readonly chainPem: string
}

export interface AuthorityFiles {
  readonly certPem: string
  readonly keyPem: string
}

const DAY = 86_400_000
/** Long enough that no operator has to roll it out again soon; short enough that a forgotten one ends. */
const AUTHORITY_DAYS = 1825
/** For clients whose clock is slow. */
const BACKDATE = DAY

/** A new authority: P-256, five years, may issue leaves and no further authorities. */
export async function createAuthority(commonName: string): Promise<AuthorityFiles> {
  const keys = await generateKeys()
  const name = `CN=${commonName.replace(/[,+"\\<>;=#]/g, '\\$&')}, O=Portcullis`
  const request: CertificateRequest = {
    subject: name,
    notBefore: new Date(Date.now() - BACKDATE),
    notAfter: new Date(Date.now() + AUTHORITY_DAYS * DAY),
    isAuthority: true,
    pathLength: 0,
    keyUsage: ['keyCertSign', 'cRLSign'],
  }
  const self = { name, key: keys.privateKey, algorithm: ECDSA }
  return { certPem: await issueCertificate(request, keys.publicKey, self), keyPem: privateKeyPem(keys) }
}

/**
 * Reads an authority from PEM texts.
 * @param from what errors call them
 * @throws {ProxyError} PTC_TLS_CONTEXT when they do not fit, are not valid now, or are no authority
 */
export async function readAuthority({ certPem, keyPem }: AuthorityFiles, from: string): Promise<Authority> {
  const certificate = readCertificate(certPem, from)
  const key = parse(() => createPrivateKey(keyPem), `${from}: no private key without a passphrase`)
  const isOurs = parse(() => sameKey(key, certificate), `${from}: the certificate has no usable key`)
  if (!isOurs) throw bad(`${from}: the key does not belong to the certificate`)
  if (certificate.getExtension(BasicConstraintsExtension)?.ca !== true)
    throw bad(`${from}: the certificate is not that of an authority (basicConstraints CA)`)
  // RFC 5280 section 4.2.1.3: without the extension a key may be used for everything.
  const usages = certificate.getExtension(KeyUsagesExtension)?.usages ?? KeyUsageFlags.keyCertSign
  if ((usages & KeyUsageFlags.keyCertSign) === 0)
    throw bad(`${from}: the certificate's keyUsage does not let it issue others (keyCertSign)`)
  if (certificate.notBefore.getTime() > Date.now())
    throw bad(`${from}: the certificate is not valid before ${certificate.notBefore.toISOString()}`)
  if (certificate.notAfter.getTime() < Date.now())
    throw bad(`${from}: the certificate expired on ${certificate.notAfter.toISOString()}`)
  const isRoot = certificate.subject === certificate.issuer
  return {
    ...(await importKey(key, from)),
    name: certificate.subjectName,
    // As its certificate states it: it need not be the one that we would compute.
    keyId: certificate.getExtension(SubjectKeyIdentifierExtension)?.keyId,
    certificate,
    chainPem: isRoot ? '' : `${certificate.toString('pem')}\n`,
  }
}

/** The first certificate of a PEM text, read as every other reader is given it. */
function readCertificate(pem: string, from: string): X509Certificate {
  const der = parse(() => certificatesInPem(pem)[0], `${from}: no certificate`)
  if (der === undefined) throw bad(`${from}: no certificate`)
  const certificate = parse(() => new X509Certificate(der), `${from}: no certificate`)
  if (!Buffer.from(certificate.rawData).equals(der)) throw bad(`${from}: the certificate is not DER`)
  return certificate
}

function sameKey(key: KeyObject, certificate: X509Certificate): boolean {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return spki.equals(Buffer.from(certificate.publicKey.rawData))
}

const CURVES: Readonly<Record<string, string>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
}

async function importKey(key: KeyObject, from: string): Promise<SigningKey> {
  const type = key.asymmetricKeyType
  const namedCurve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? '']
  const isRsa = type === 'rsa'
  if (!isRsa && namedCurve === undefined)
    throw bad(`${from}: keys of type ${type} are not supported; RSA, P-256, P-384 and P-521 are`)
  const algorithm = isRsa
    ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
    : { name: 'ECDSA', namedCurve: namedCurve ?? '', hash: 'SHA-256' }
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' })
  return {
    key: await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
    algorithm: { name: algorithm.name, hash: 'SHA-256' },
  }
}

function parse<T>(read: () => T, what: string): T {
  try {
    return read()
  } catch (cause) {
    throw new ProxyError('PTC_TLS_CONTEXT', what, { cause })
  }
}

const bad = (message: string): ProxyError => new ProxyError('PTC_TLS_CONTEXT', message)
