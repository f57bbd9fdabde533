/** What the throw-away PKI adds to the certificates of the product: keys of other kinds, and rarer extensions. */
import 'reflect-metadata' // before the x509 library, whose container looks for it
import { webcrypto } from 'node:crypto'
import { isIPv4 } from 'node:net'
import { domainToASCII } from 'node:url'
import { Extension } from '@peculiar/x509'
import { generateKeys, type KeyPair, type SigningKey } from '../../core/tls/issue-certificate.js'
import { der, sequence } from './der.js'

export type KeyType = 'ec' | 'ec-384' | 'rsa-2048' | 'rsa-1984' | 'rsa-1024'
export type HashName = 'sha256' | 'sha1'

/** DNS names (`.example.com` means its subdomains as well) and IPv4 networks (`127.0.0.0/8`). */
export interface NameConstraints {
  readonly permitted?: readonly string[]
  readonly excluded?: readonly string[]
}

const rsaKeys = new Map<KeyType, Promise<KeyPair>>()

/** A key pair. RSA keys take long to make, so a process makes one of each size. */
export function makeKeys(type: KeyType): Promise<KeyPair> {
  if (isEc(type)) return generateKeys(type === 'ec' ? 'P-256' : 'P-384')
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

/** A private key that signs with this hash: WebCrypto ties an RSA key to one when it is made. */
export async function signingKey(
  { privateKey }: KeyPair,
  type: KeyType,
  hash: HashName,
): Promise<SigningKey> {
  const algorithm = { name: isEc(type) ? 'ECDSA' : 'RSASSA-PKCS1-v1_5', hash: HASHES[hash] }
  if (isEc(type) || hash === 'sha256') return { key: privateKey, algorithm }
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', privateKey)
  return { key: await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']), algorithm }
}

const HASHES = { sha256: 'SHA-256', sha1: 'SHA-1' } as const satisfies Record<HashName, string>

const isEc = (type: KeyType): boolean => type.startsWith('ec')

/** An internationalised name is written in its A-label form, as RFC 5280 section 7.2 demands. */
export function asciiName(name: string): string {
  return /^[\x20-\x7e]*$/.test(name) ? name : domainToASCII(name)
}

/** RFC 7633: the server must staple an OCSP response. */
export const mustStaple = (): Extension =>
  new Extension('1.3.6.1.5.5.7.1.24', false, sequence(der(0x02, Buffer.from([5]))))

/** RFC 5280 section 4.2.1.10; the library has no class for it. */
export function nameConstraints(constraints: NameConstraints): Extension {
  const trees = (tag: number, names: readonly string[] = []): Buffer =>
    names.length === 0 ? Buffer.alloc(0) : der(tag, ...names.map(name => sequence(generalName(name))))
  const value = sequence(trees(0xa0, constraints.permitted), trees(0xa1, constraints.excluded))
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
