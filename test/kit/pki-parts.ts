/** Keys and extensions of the throw-away PKI: the parts that `pki.ts` puts together. */
import 'reflect-metadata' // before the x509 library, whose container looks for it
import { webcrypto } from 'node:crypto'
import { isIP, isIPv4 } from 'node:net'
import { domainToASCII } from 'node:url'
import {
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
} from '@peculiar/x509'

cryptoProvider.set(webcrypto)

export type CryptoKeyPair = webcrypto.CryptoKeyPair

export type KeyType = 'ec' | 'ec-384' | 'rsa-2048' | 'rsa-1984' | 'rsa-1024'
export type HashName = 'sha256' | 'sha1'
export type KeyUsageName = keyof typeof KeyUsageFlags
export type ExtendedKeyUsageName = keyof typeof ExtendedKeyUsage

/** DNS names (`.example.com` means its subdomains as well) and IPv4 networks (`127.0.0.0/8`). */
export interface NameConstraints {
  readonly permitted?: readonly string[]
  readonly excluded?: readonly string[]
}

const rsaKeys = new Map<KeyType, Promise<CryptoKeyPair>>()

/** A key pair. RSA keys take long to make, so a process makes one of each size. */
export function makeKeys(type: KeyType): Promise<CryptoKeyPair> {
  if (isEc(type)) {
    const namedCurve = type === 'ec' ? 'P-256' : 'P-384'
    return webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve }, true, ['sign', 'verify'])
  }
  const known = rsaKeys.get(type)
  if (known !== undefined) return known
  const keys = webcrypto.subtle.generateKey(
    {
      name: 'RSASSA-PKCS1-v1_5',
      modulusLength: Number(type.slice('rsa-'.length)),
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: 'SHA-256',
    },
    true,
    ['sign', 'verify'],
  )
  rsaKeys.set(type, keys)
  return keys
}

/** The PKCS #8 form that OpenSSL, nginx and Node read. */
export async function privateKeyPem(keys: CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  return `-----BEGIN PRIVATE KEY-----\n${der.replace(/.{1,64}/g, '$&\n')}-----END PRIVATE KEY-----\n`
}

/** What the signer's key is asked for. */
export function signingAlgorithm(type: KeyType, hash: HashName): { name: string; hash: string } {
  return { name: isEc(type) ? 'ECDSA' : 'RSASSA-PKCS1-v1_5', hash: HASHES[hash] }
}

/** A private key that signs with this hash: WebCrypto ties an RSA key to one, whatever it is asked for later. */
export async function signingKey(
  { privateKey }: CryptoKeyPair,
  type: KeyType,
  hash: HashName,
): Promise<webcrypto.CryptoKey> {
  if (isEc(type) || hash === 'sha256') return privateKey
  const der = await webcrypto.subtle.exportKey('pkcs8', privateKey)
  return webcrypto.subtle.importKey('pkcs8', der, signingAlgorithm(type, hash), false, ['sign'])
}

const HASHES = { sha256: 'SHA-256', sha1: 'SHA-1' } as const satisfies Record<HashName, string>

const isEc = (type: KeyType): type is 'ec' | 'ec-384' => type === 'ec' || type === 'ec-384'

/** An internationalised name is written in its A-label form, as RFC 5280 section 7.2 demands. */
export function subjectAltNames(sans: readonly string[]): Extension {
  const names: JsonGeneralNames = sans.map(san =>
    isIP(san) === 0 ? { type: 'dns', value: asciiName(san) } : { type: 'ip', value: san },
  )
  return new SubjectAlternativeNameExtension(names)
}

function asciiName(name: string): string {
  return /^[\x20-\x7e]*$/.test(name) ? name : domainToASCII(name)
}

export function keyUsage(usages: readonly KeyUsageName[]): Extension {
  const flags = usages.reduce((sum, name) => sum | KeyUsageFlags[name], 0)
  return new KeyUsagesExtension(flags, true)
}

export function extendedKeyUsage(usages: readonly ExtendedKeyUsageName[]): Extension {
  return new ExtendedKeyUsageExtension(usages.map(name => ExtendedKeyUsage[name]))
}

export function basicConstraints(ca: boolean, pathLength: number | undefined): Extension {
  return new BasicConstraintsExtension(ca, pathLength, true)
}

/** RFC 7633: the server must staple an OCSP response. */
export const mustStaple = (): Extension =>
  new Extension('1.3.6.1.5.5.7.1.24', false, der(0x30, Buffer.from([0x02, 1, 5])))

/** RFC 5280 section 4.2.1.10; the library has no class for it. */
export function nameConstraints(constraints: NameConstraints): Extension {
  const trees = (tag: number, names: readonly string[] = []): Buffer =>
    names.length === 0 ? Buffer.alloc(0) : der(tag, ...names.map(name => der(0x30, generalName(name))))
  const value = der(0x30, trees(0xa0, constraints.permitted), trees(0xa1, constraints.excluded))
  return new Extension('2.5.29.30', true, value)
}

function generalName(name: string): Buffer {
  const [address = '', bits] = name.split('/')
  if (bits === undefined) return der(0x82, Buffer.from(asciiName(name)))
  if (!isIPv4(address)) throw new TypeError(`not an IPv4 network: ${name}`)
  const mask = Buffer.alloc(4)
  mask.writeUInt32BE(Number(bits) === 0 ? 0 : (0xffffffff << (32 - Number(bits))) >>> 0)
  return der(0x87, Buffer.from(address.split('.').map(Number)), mask)
}

function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  if (content.length > 0xffff) throw new RangeError('too long for this encoder')
  const long =
    content.length > 0xff ? [0x82, content.length >> 8, content.length & 0xff] : [0x81, content.length]
  return Buffer.concat([Buffer.from(content.length < 0x80 ? [tag, content.length] : [tag, ...long]), content])
}
