/** A log of Certificate Transparency, as far as its signatures go, and the certificates that it has signed. */
import 'reflect-metadata' // before the x509 library
import { createHash, generateKeyPairSync, KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto'
import { Extension } from '@peculiar/x509'
import {
  ECDSA,
  generateKeys,
  issueCertificate,
  keyIdOf,
  privateKeyPem,
} from '../../core/tls/issue-certificate.js'
import { der, sequence } from './der.js'

const uint = (value: number, bytes: number): Buffer => {
  const out = Buffer.alloc(bytes)
  out.writeUIntBE(value, 0, bytes)
  return out
}
const vector = (bytes: Uint8Array, length: number): Buffer =>
  Buffer.concat([uint(bytes.length, length), bytes])
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))
/** 1.3.6.1.4.1.11129.2.4.2, embedded, and …5, in an OCSP response. */
const EMBEDDED = '1.3.6.1.4.1.11129.2.4.2'
const STAPLED = oid('2b06010401d679020405')

export class CtLog {
  readonly name: string
  readonly #key: KeyObject
  readonly #spki: Buffer
  readonly #isRsa: boolean

  constructor(name: string, isRsa = false) {
    const { privateKey, publicKey } = isRsa
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.name = name
    this.#key = privateKey
    this.#spki = publicKey.export({ type: 'spki', format: 'der' })
    this.#isRsa = isRsa
  }

  /** Its entry in a log list. */
  entry(more: object = {}): object {
    return { description: this.name, key: this.#spki.toString('base64'), ...more }
  }

  /** A timestamp over an entry: `[type, what the log was sent]`. @param time milliseconds since the epoch */
  stamp(entry: Buffer, time = Date.now() - 1000, extensions = Buffer.alloc(0)): Buffer {
    const at = Buffer.alloc(8)
    at.writeBigUInt64BE(BigInt(time))
    const signed = Buffer.concat([Buffer.from([0, 0]), at, entry, vector(extensions, 2)])
    const id = createHash('sha256').update(this.#spki).digest()
    const algorithms = Buffer.from([4, this.#isRsa ? 1 : 3])
    return Buffer.concat([
      Buffer.from([0]),
      id,
      at,
      vector(extensions, 2),
      algorithms,
      vector(sign('sha256', signed, this.#key), 2),
    ])
  }
}

export type Stamping = (entry: Buffer) => readonly Buffer[]

/** As the TLS extension carries them. */
export const listOf = (scts: readonly Buffer[]): Buffer =>
  vector(Buffer.concat(scts.map(sct => vector(sct, 2))), 2)

/** What a log signs for a certificate that it is sent as it is. */
export const x509Entry = (pem: string): Buffer =>
  Buffer.concat([uint(0, 2), vector(new X509Certificate(pem).raw, 3)])

/**
 * A leaf with embedded timestamps, and its issuer, PEM. What the logs sign is the signed part of a certificate that is
 * issued without the extension.
 */
export async function stampedChain(name: string, stamping: Stamping): Promise<string> {
  const { leaf, root } = await stampedOrigin(name, stamping)
  return leaf + root
}

/** The same, with the keys, for an origin that is there; PEM. */
export async function stampedOrigin(name: string, stamping: Stamping) {
  const [ca, keys] = [await generateKeys(), await generateKeys()]
  const issuer = {
    name: 'CN=CT Issuer',
    key: ca.privateKey,
    algorithm: ECDSA,
    keyId: await keyIdOf(ca.publicKey),
  }
  const [notBefore, notAfter] = [new Date(Date.now() - 3_600_000), new Date(Date.now() + 30 * 86_400_000)]
  const extension = new Extension('1.2.3.4', false, der(0x05))
  const request = {
    subject: `CN=${name}`,
    notBefore,
    notAfter,
    names: [name],
    serialNumber: `40${randomBytes(15).toString('hex')}`,
  }
  const issue = (extensions: Extension[]) =>
    issueCertificate({ ...request, extensions }, keys.publicKey, issuer)
  const before = new X509Certificate(await issue([extension]))
  const issuerKey = KeyObject.from(ca.publicKey).export({ type: 'spki', format: 'der' })
  const entry = Buffer.concat([
    uint(1, 2),
    createHash('sha256').update(issuerKey).digest(),
    vector(signedPartOf(before.raw), 3),
  ])
  const stamps = stamping(entry)
  const embedded = stamps.length === 0 ? [] : [new Extension(EMBEDDED, false, der(0x04, listOf(stamps)))]
  const leaf = await issue([...embedded, extension])
  const authority = {
    subject: issuer.name,
    notBefore,
    notAfter,
    isAuthority: true,
    keyUsage: ['keyCertSign'] as const,
  }
  const root = await issueCertificate(authority, ca.publicKey, issuer)
  return { leaf, key: privateKeyPem(keys), root, rootKey: privateKeyPem(ca) }
}

/** The first element in the certificate: TBSCertificate. Both have lengths of two bytes. */
function signedPartOf(certificate: Buffer): Buffer {
  const length = certificate.readUInt16BE(6)
  return certificate.subarray(4, 8 + length)
}

/** An OCSP response that carries timestamps. Nothing in it is signed: the timestamps are. */
export function stapledResponse(scts: readonly Buffer[]): Buffer {
  const time = der(0x18, Buffer.from('20261129080000Z'))
  const sha1 = sequence(oid('2b0e03021a'))
  const certId = sequence(
    sha1,
    der(0x04, Buffer.alloc(20)),
    der(0x04, Buffer.alloc(20)),
    der(0x02, Buffer.from([1])),
  )
  const extensions = der(0xa1, sequence(sequence(STAPLED, der(0x04, der(0x04, listOf(scts))))))
  const single = sequence(certId, der(0x80), time, extensions)
  const data = sequence(der(0xa2, der(0x04, Buffer.alloc(20))), time, sequence(single))
  const basic = sequence(data, sequence(oid('2a8648ce3d040302')), der(0x03, Buffer.from([0])))
  return sequence(
    der(0x0a, Buffer.from([0])),
    der(0xa0, sequence(oid('2b0601050507300101'), der(0x04, basic))),
  )
}
