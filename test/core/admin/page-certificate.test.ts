/** What the page reads of a certificate, beside what Node reads. */
import { X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { test } from 'tap'
import { makeAuthority } from '../../kit/pki.js'

interface Read {
  readonly subject: string
  readonly issuer: string
  readonly serial: string
  readonly notBefore: number | null
  readonly notAfter: number | null
  readonly key: string
  readonly names: readonly string[]
  readonly isCa: boolean
}

/** The file as the browser gets it. It uses nothing of a browser but what Node has, too. */
const FILE = new URL('../../../../core/admin/page/certificate.js', import.meta.url).href
const { derOf, readCertificate, sha256 } = (await import(FILE)) as {
  derOf(pem: string): Uint8Array
  readCertificate(bytes: Uint8Array): Read
  sha256(bytes: Uint8Array): Promise<string>
}

const root = await makeAuthority({ name: 'Root' })

test('it reads what Node reads', async t => {
  const odd = 'CN=a.test, O="Comma, Inc.", OU=Zürich 東京'
  for (const [keyType, key] of [
    ['ec', 'EC P-256'],
    ['rsa-2048', 'RSA, 2048 bits'],
    ['rsa-1984', 'RSA, 1984 bits'],
    ['ec-384', 'EC P-384'],
  ] as const) {
    const sans = ['a.test', '*.b.test', '192.0.2.1', '2001:db8::1']
    const { certPem } = await root.issue({ subject: odd, sans, keyType })
    const node = new X509Certificate(certPem)
    const bytes = derOf(certPem)
    const read = readCertificate(bytes)
    t.equal(read.subject, 'CN=a.test, O="Comma, Inc.", OU=Zürich 東京')
    t.equal(read.issuer, node.issuer.split('\n').join(', '))
    t.equal(BigInt(`0x${read.serial}`), BigInt(`0x${node.serialNumber}`))
    t.equal(read.notBefore, Date.parse(node.validFrom))
    t.equal(read.notAfter, Date.parse(node.validTo))
    t.equal(read.key, key)
    t.strictSame(read.names, ['a.test', '*.b.test', '192.0.2.1', '2001:0db8:0000:0000:0000:0000:0000:0001'])
    t.equal(read.isCa, false)
    t.equal(await sha256(bytes), node.fingerprint256.replaceAll(':', '').toLowerCase())
  }
  t.equal(readCertificate(derOf(root.certPem)).isCa, true)
})

test('what is cut or changed is read or refused, and never anything else', async t => {
  const { certPem } = await root.issue({ cn: 'a.test' })
  const bytes = derOf(certPem)
  for (let length = 0; length < bytes.length; length++)
    t.throws(() => readCertificate(bytes.subarray(0, length)), Error)
  const places = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(places, changes => {
      const changed = Uint8Array.from(bytes)
      for (const [at, byte] of changes) changed[at] = byte
      try {
        const { subject, names } = readCertificate(changed)
        return typeof subject === 'string' && names.length <= bytes.length
      } catch (cause) {
        return cause instanceof Error
      }
    }),
    { numRuns: 3000 },
  )
  t.throws(() => readCertificate(derOf('no PEM')), Error)
})
