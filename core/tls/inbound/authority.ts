/** The operator's own certificate authority: made once by `portcullis ca init`, read at every start in bump mode. */
import 'reflect-metadata' // before the x509 library, whose container looks for it
import { createPrivateKey, createPublicKey, type KeyObject, webcrypto } from 'node:crypto'
import { SubjectKeyIdentifierExtension, type X509Certificate } from '@peculiar/x509'
import {
  type CertificateRequest,
  ECDSA,
  generateKeys,
  type Issuer,
  issueCertificate,
  privateKeyPem,
  type SigningKey,
} from '../issue-certificate.js'
import { badAuthority, checkAuthorityChain, parse, readAuthorityChain } from './authority-chain.js'

/** The issuer of leaf certificates. */
export interface Authority extends Issuer {
  readonly certificate: X509Certificate
  /** Sent behind a leaf: the authority's certificate, unless it is a root, which clients have, and what its file holds behind it. */
  readonly chainPem: string
  /** When the first of these certificates expires. */
  readonly notAfter: Date
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
  const all = readAuthorityChain(certPem, from)
  const [certificate, ...issuers] = all
  const key = parse(() => createPrivateKey(keyPem), `${from}: no private key without a passphrase`)
  const isOwner = (other: X509Certificate): boolean =>
    parse(() => isKeyOf(key, other), `${from}: the certificate has no usable key`)
  if (!isOwner(certificate)) {
    const at = issuers.findIndex(isOwner)
    const hint =
      at === -1 ? '' : `, but to certificate ${at + 2} of the file; the authority's own must be the first`
    throw badAuthority(`${from}: the key does not belong to the certificate${hint}`)
  }
  checkAuthorityChain(all, from)
  const isRoot = certificate.subject === certificate.issuer
  const sent = isRoot ? issuers : all
  return {
    ...(await importKey(key, from)),
    name: certificate.subjectName,
    // As its certificate states it: it need not be the one that we would compute.
    keyId: certificate.getExtension(SubjectKeyIdentifierExtension)?.keyId,
    certificate,
    chainPem: sent.map(one => `${one.toString('pem')}\n`).join(''),
    notAfter: new Date(Math.min(...all.map(one => one.notAfter.getTime()))),
  }
}

function isKeyOf(key: KeyObject, certificate: X509Certificate): boolean {
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
    throw badAuthority(`${from}: keys of type ${type} are not supported; RSA, P-256, P-384 and P-521 are`)
  const algorithm = isRsa
    ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
    : { name: 'ECDSA', namedCurve: namedCurve ?? '', hash: 'SHA-256' }
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' })
  return {
    key: await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
    algorithm: { name: algorithm.name, hash: 'SHA-256' },
  }
}
