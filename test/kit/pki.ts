/**
 * A throw-away PKI, made when a test asks for it and forgotten with the process: authorities, and certificates with
 * any property that a test wants to be wrong. The same question gets the same certificate within a process; `serial`
 * tells apart what is otherwise alike.
 */
import { X509Certificate } from 'node:crypto'
import {
  type CertificateRequest,
  type ExtendedKeyUsageName,
  type Issuer,
  issueCertificate,
  type KeyPair,
  type KeyUsageName,
  keyIdOf,
  privateKeyPem,
} from '../../core/tls/issue-certificate.js'
import {
  asciiName,
  type HashName,
  type KeyType,
  makeKeys,
  mustStaple,
  type NameConstraints,
  nameConstraints,
  signingKey,
} from './pki-parts.js'

export interface CertificateOptions {
  /** The common name; ignored when `subject` is given. */
  readonly cn?: string
  /** The whole subject in RFC 4514 form, `CN=example.com, O=Google, C=US`. */
  readonly subject?: string
  /** DNS names and IP addresses; default: the common name, if there is one. */
  readonly sans?: readonly string[]
  /** Default: an hour ago. */
  readonly notBefore?: Date
  /** Default: in a day. */
  readonly notAfter?: Date
  readonly keyType?: KeyType
  /** What the certificate's signature is made with. */
  readonly hash?: HashName
  /** An empty list leaves the extension out. */
  readonly keyUsage?: readonly KeyUsageName[]
  /** Default `serverAuth`; an empty list leaves the extension out. */
  readonly eku?: readonly ExtendedKeyUsageName[]
  /** Whether this certificate says that it may issue others. */
  readonly ca?: boolean
  readonly pathLen?: number
  readonly nameConstraints?: NameConstraints
  /** Whether it asks for a stapled OCSP response. */
  readonly mustStaple?: boolean
  /** Whether the key identifiers are left out. */
  readonly withoutIds?: boolean
  /** Hexadecimal; default: random. */
  readonly serial?: string
}

export interface Issued {
  readonly certPem: string
  readonly keyPem: string
  readonly cert: X509Certificate
  /** The certificate and the issuers between it and the root, which is left out: what a server sends. */
  readonly chainPem: string
  /** The issuers alone; empty when the root issued it. */
  readonly issuersPem: string
}

export interface AuthorityOptions extends Omit<CertificateOptions, 'cn' | 'sans' | 'eku' | 'ca'> {
  /** The common name; the subject is `O=Portcullis Test, CN=name` unless `subject` says otherwise. */
  readonly name: string
  /** The authority that issues this one; without it the authority is a root. */
  readonly parent?: Authority
  /** False makes an authority whose own certificate does not allow it to be one. */
  readonly ca?: boolean
  /** Name and keys of another one: a cross certificate. What either issues, both have issued. */
  readonly twinOf?: Authority
}

export interface Authority extends Issued {
  issue(options: CertificateOptions): Promise<Issued>
}

/** An issuer: its keys, the certificate they belong to, and what a server sends beside its own certificate. */
interface Signer {
  readonly keys: KeyPair
  readonly keyType: KeyType
  readonly subject: string
  readonly issuersPem: string
}

const HOUR = 3_600_000
const authorities = new Map<string, Promise<Authority>>()

/** An authority: a root, or below `parent`. */
export function makeAuthority(options: AuthorityOptions): Promise<Authority> {
  const { parent, twinOf, ...own } = options
  const key = JSON.stringify([own, parent?.cert.fingerprint256, twinOf?.cert.fingerprint256])
  return memo(authorities, key, () => createAuthority(options))
}

async function createAuthority(options: AuthorityOptions): Promise<Authority> {
  const { name, parent, ca = true, twinOf, ...rest } = options
  const twin = twinOf && signers.get(twinOf)
  const full: CertificateOptions = {
    subject: `O=Portcullis Test, CN=${name}`,
    notAfter: new Date(Date.now() + 240 * HOUR),
    keyUsage: ['keyCertSign', 'cRLSign'],
    ...rest,
    ...(twin === undefined ? {} : { subject: twin.subject, keyType: twin.keyType }),
    ca,
    eku: [],
    sans: [],
  }
  const above = parent === undefined ? undefined : signers.get(parent)
  const { issued, signer } = await create(full, above, twin?.keys)
  const made = new Map<string, Promise<Issued>>()
  const authority: Authority = {
    ...issued,
    issue: wanted => memo(made, JSON.stringify(wanted), async () => (await create(wanted, signer)).issued),
  }
  signers.set(authority, signer)
  return authority
}

/** A certificate that signed itself. */
export async function makeSelfSigned(options: CertificateOptions): Promise<Issued> {
  return (await create(options, undefined)).issued
}

const signers = new WeakMap<Authority, Signer>()

async function create(
  options: CertificateOptions,
  issuer: Signer | undefined,
  known?: KeyPair,
): Promise<{ issued: Issued; signer: Signer }> {
  const { keyType = 'ec', cn = '', hash = 'sha256' } = options
  const subject = options.subject ?? (cn === '' ? '' : `CN=${cn.replace(/[,+"\\<>;=]/g, '\\$&')}`)
  const keys = known ?? (await makeKeys(keyType))
  const by = issuer ?? { keys, keyType, subject, issuersPem: '' }
  const signer: Issuer = {
    ...(await signingKey(by.keys, by.keyType, hash)),
    name: by.subject,
    keyId: options.withoutIds ? undefined : await keyIdOf(by.keys.publicKey),
  }
  const certPem = await issueCertificate(toRequest(options, subject), keys.publicKey, signer)
  const cert = new X509Certificate(certPem)
  const chainPem = certPem + by.issuersPem
  const issued = { certPem, keyPem: privateKeyPem(keys), cert, chainPem, issuersPem: by.issuersPem }
  return { issued, signer: { keys, keyType, subject, issuersPem: issuer === undefined ? '' : chainPem } }
}

function toRequest(options: CertificateOptions, subject: string): CertificateRequest {
  const {
    cn,
    eku = ['serverAuth'],
    keyUsage = ['digitalSignature'],
    ca = false,
    withoutIds = false,
  } = options
  return {
    subject,
    notBefore: options.notBefore ?? new Date(Date.now() - HOUR),
    notAfter: options.notAfter ?? new Date(Date.now() + 24 * HOUR),
    isAuthority: ca,
    pathLength: options.pathLen,
    keyUsage,
    extendedKeyUsage: eku,
    names: (options.sans ?? (cn === undefined ? [] : [cn])).map(asciiName),
    hasKeyId: !withoutIds,
    serialNumber: options.serial,
    extensions: [
      ...(options.mustStaple ? [mustStaple()] : []),
      ...(options.nameConstraints === undefined ? [] : [nameConstraints(options.nameConstraints)]),
    ],
  }
}

function memo<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const found = known.get(key)
  if (found !== undefined) return found
  const made = make()
  known.set(key, made)
  return made
}
