import 'reflect-metadata' // before the x509 library, whose container looks for it
import { webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  type Extension,
  type JsonName,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { ProxyError } from '../base/errors.js'

cryptoProvider.set(webcrypto)

/** What a test wants a certificate to say; whatever is left out is in order. */
export interface CertificateWanted {
  /** As plugins see it: `/C=US/O=Example/CN=example.com`. Default: the first name as CN. */
  readonly subject?: string
  /** DNS names and addresses it is for. Default: the subject's CN, if it is the leaf. */
  readonly names?: readonly string[]
  /** Default: an hour ago. */
  readonly notBefore?: Date
  /** Default: in 30 days. */
  readonly notAfter?: Date
}

type Pair = webcrypto.CryptoKeyPair

/** What has been made for a chain so far; the next certificate is issued by it. */
interface Above {
  readonly name: JsonName
  readonly keys: Pair
}

const HOUR = 3_600_000
const DAY = 24 * HOUR
const EC = { name: 'ECDSA', namedCurve: 'P-256' } as const
const TEST_ROOT = '/O=Portcullis/CN=Test Root'

/**
 * Certificates for a test, leaf first as PEM: each issued by the next, the last one by a root that is not among them.
 * Keys are new each time.
 * @throws {ProxyError} PTC_TEST_KIT when a subject is not written as `/C=US/CN=example.com`
 */
export async function makeChain(
  leaf: CertificateWanted,
  ...issuers: readonly CertificateWanted[]
): Promise<string> {
  let above: Above = { name: toJsonName(TEST_ROOT), keys: await makeKeys() }
  const pems: string[] = []
  for (const wanted of [leaf, ...issuers].reverse()) {
    const keys = await makeKeys()
    const { pem, name } = await issue(wanted, wanted !== leaf, keys, above)
    pems.unshift(pem)
    above = { name, keys }
  }
  return pems.join('')
}

async function issue(
  { subject, names, notBefore, notAfter }: CertificateWanted,
  isIssuer: boolean,
  keys: Pair,
  above: Above,
): Promise<{ readonly pem: string; readonly name: JsonName }> {
  const name = toJsonName(subject ?? `/CN=${names?.[0] ?? 'plain.example'}`)
  const commonName = name.findLast(part => part['CN'] !== undefined)?.['CN']?.[0]
  const sans = names ?? (isIssuer || commonName === undefined ? [] : [commonName])
  const made = await X509CertificateGenerator.create({
    subject: name,
    issuer: above.name,
    notBefore: notBefore ?? new Date(Date.now() - HOUR),
    notAfter: notAfter ?? new Date(Date.now() + 30 * DAY),
    publicKey: keys.publicKey,
    signingKey: above.keys.privateKey,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [
      new BasicConstraintsExtension(isIssuer, undefined, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(above.keys.publicKey),
      ...subjectAltNames(sans),
    ],
  })
  return { pem: `${made.toString('pem')}\n`, name }
}

function subjectAltNames(names: readonly string[]): Extension[] {
  if (names.length === 0) return []
  return [
    new SubjectAlternativeNameExtension(
      names.map(name => ({ type: isIP(name) === 0 ? 'dns' : 'ip', value: name }) as const),
    ),
  ]
}

function makeKeys(): Promise<Pair> {
  return webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
}

/** `/C=US/CN=x` as the library has it. A slash inside a value cannot be told from the next part. */
function toJsonName(subject: string): JsonName {
  const parts = subject.split('/').slice(1)
  if (!subject.startsWith('/') || !parts.every(part => /^[A-Za-z]+=./.test(part)))
    throw new ProxyError(
      'PTC_TEST_KIT',
      `a subject is written as /C=US/CN=example.com, not ${JSON.stringify(subject)}`,
    )
  return parts.map(part => {
    const at = part.indexOf('=')
    return { [part.slice(0, at)]: [part.slice(at + 1)] }
  })
}
