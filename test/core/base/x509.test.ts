import { createHash } from 'node:crypto'
import { test } from 'tap'
import { certificatesInPem, toPem } from '../../../core/base/pem.js'
import { readCertificates, readX509 } from '../../../core/base/x509.js'
import { WorkerCertificate } from '../../../core/plugin-host/isolate/plain.js'
import { certificateOf } from '../../../core/tls/judge/chain-certificate.js'
import { carrying, embedded, PLACES } from '../../kit/carrying.js'
import { der } from '../../kit/der.js'
import { makeAuthority } from '../../kit/pki.js'

const root = await makeAuthority({ name: 'Root' })
const genuine = await root.issue({ cn: 'genuine.test' })
const stranger = await root.issue({ cn: 'stranger.test' })
const UNREADABLE = { code: 'PTC_CERTIFICATE_UNREADABLE' }

for (const place of PLACES) {
  test(`a certificate that carries another one as PEM in its ${place} is shown as itself`, async t => {
    const forged = carrying(stranger.cert.raw, embedded(genuine.certPem), place)
    const sha256 = createHash('sha256').update(forged).digest('hex')
    const inThread = certificateOf(forged)
    const { subject, issuer } = inThread
    for (const shown of [inThread, new WorkerCertificate({ der: forged, subject, issuer })]) {
      t.ok(shown.x509.raw.equals(forged))
      t.equal(shown.x509.fingerprint256.replaceAll(':', '').toLowerCase(), sha256)
      t.equal(shown.x509.serialNumber, stranger.cert.serialNumber)
      t.same(certificatesInPem(shown.pem), [forged])
      t.equal(shown.sha256, sha256)
    }
  })
}

test('every length is read: also those that fill the last line of base64', async t => {
  const base = carrying(stranger.cert.raw, Buffer.alloc(0), 'extension').length
  let full = 0
  for (let more = 0; more < 400; more++) {
    const made = carrying(stranger.cert.raw, Buffer.alloc(more, 0x41), 'extension')
    if (made.length % 48 === 0) full += 1
    if (!readX509(made).raw.equals(made)) t.fail(`${made.length} bytes`)
  }
  t.ok(full >= 8, `${full} lengths from ${base} bytes on are multiples of 48`)
  for (const more of [16_000, 65_536, 100_000])
    for (let i = 0; i < 48; i++) readX509(carrying(stranger.cert.raw, Buffer.alloc(more + i), 'extension'))
})

test('what is not one certificate to its last byte has no fields', async t => {
  const { raw } = genuine.cert
  const alias = der(0x30, der(0x0c, Buffer.from('an alias'))) // OpenSSL reads it behind a trusted certificate
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from('no certificate'),
    Buffer.from(genuine.certPem),
    raw.subarray(0, -1),
    Buffer.concat([raw, Buffer.from([0])]),
    Buffer.concat([raw, alias]),
    Buffer.concat([raw, raw]),
    Buffer.concat([Buffer.from('\n'), raw]),
  ]) {
    t.throws(() => readX509(bytes), UNREADABLE)
    t.throws(() => certificateOf(bytes).x509, UNREADABLE)
    t.throws(() => new WorkerCertificate({ der: bytes, subject: '', issuer: '' }).x509, UNREADABLE)
  }
  for (const bytes of [Buffer.alloc(0), Buffer.from(genuine.certPem), raw.subarray(0, -1)])
    t.throws(() => certificateOf(bytes).subject, UNREADABLE, 'nor a name that is empty')
})

test('plugins read PEM and DER', async t => {
  const read = readCertificates(`a comment\n${genuine.certPem}${genuine.keyPem}${stranger.certPem}`)
  t.same(
    read.map(({ subject }) => subject),
    ['CN=genuine.test', 'CN=stranger.test'],
  )
  const forged = carrying(stranger.cert.raw, embedded(genuine.certPem), 'extension')
  t.ok(readCertificates(forged)[0]?.raw.equals(forged))
  t.ok(readCertificates(toPem(forged))[0]?.raw.equals(forged))
  t.same(readCertificates('nothing'), [])
  t.throws(() => readCertificates(Buffer.from(genuine.certPem)), UNREADABLE)
})

test('PEM is what this program writes', async t => {
  t.equal(toPem(genuine.cert.raw), genuine.cert.toString(), 'as Node does')
  const { certPem } = genuine
  const [, body = ''] = /-----\n([\s\S]+)-----END/.exec(certPem) ?? []
  t.same(certificatesInPem(certPem.replaceAll('\n', ' \r\n')), [genuine.cert.raw], 'with other line ends')
  t.same(certificatesInPem(certPem.replaceAll('CERTIFICATE', 'X509 CERTIFICATE')), [genuine.cert.raw])
  for (const [text, why] of [
    [certPem.replace('-----\n', `-----\n${certPem}`), 'one inside another'],
    [certPem.replace(body, `Proc-Type: 4,ENCRYPTED\n\n${body}`), 'fields before the base64'],
    [certPem.replace(body, ''), 'nothing'],
    [certPem.replace(body, `${body.trim().slice(0, -4)}\n`), 'too little'],
    [
      certPem.replace(body, Buffer.concat([genuine.cert.raw, Buffer.from([0])]).toString('base64')),
      'too much',
    ],
    [certPem.replace('END CERTIFICATE', 'END X509 CERTIFICATE'), 'another end'],
    [certPem.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE'), 'a form that OpenSSL alone knows'],
  ] as const)
    t.throws(() => certificatesInPem(text), UNREADABLE, why)
})
