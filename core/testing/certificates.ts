import type { JsonName } from '@peculiar/x509'
import { ProxyError } from '../base/errors.js'
import { ECDSA, generateKeys, issueCertificate, keyIdOf } from '../tls/issue-certificate.js'

/** Fields of a test's certificate; every field has a valid default. */
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

const HOUR = 3_600_000
const DAY = 24 * HOUR
const TEST_ROOT = '/O=Portcullis/CN=Test Root'

/**
 * Certificates for a test, PEM, leaf first. Each is issued by the next; the last by a root that is not included.
 * Keys are new each time.
 * @throws {ProxyError} PTC_TEST_KIT when a subject is not written as `/C=US/CN=example.com`
 */
export async function makeChain(
  leaf: CertificateWanted,
  ...issuers: readonly CertificateWanted[]
): Promise<string> {
  let issuer = await makeIssuer(toJsonName(TEST_ROOT))
  let pems = ''
  for (const wanted of [leaf, ...issuers].reverse()) {
    const { subject, names, notBefore, notAfter } = wanted
    const name = toJsonName(subject ?? `/CN=${names?.[0] ?? 'plain.example'}`)
    const commonName = name.findLast(part => part['CN'] !== undefined)?.['CN']?.[0]
    const isAuthority = wanted !== leaf
    const own = await makeIssuer(name)
    const request = {
      subject: name,
      notBefore: notBefore ?? new Date(Date.now() - HOUR),
      notAfter: notAfter ?? new Date(Date.now() + 30 * DAY),
      isAuthority,
      names: names ?? (isAuthority || commonName === undefined ? [] : [commonName]),
    }
    pems = (await issueCertificate(request, own.publicKey, issuer)) + pems
    issuer = own
  }
  return pems
}

async function makeIssuer(name: JsonName) {
  const { privateKey, publicKey } = await generateKeys()
  return { name, key: privateKey, publicKey, algorithm: ECDSA, keyId: await keyIdOf(publicKey) }
}

/** `/C=US/CN=x` in the form of the library. A value cannot contain a slash. */
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
