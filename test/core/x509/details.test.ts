import { test } from 'tap'
import { readDetails, readSctList, readStapledScts } from '../../../core/x509/details.js'
import { certificateShape, der, sequence } from '../../kit/der.js'
import { makeAuthority } from '../../kit/pki.js'
import { leafWith } from '../../kit/pki-openssl.js'

const root = await makeAuthority({ name: 'Details Root' })

const u16 = (n: number): Buffer => Buffer.from([n >> 8, n & 0xff])
const vector = (bytes: Buffer): Buffer => Buffer.concat([u16(bytes.length), bytes])

function sct(version = 0): Buffer {
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(1_700_000_000_123n)
  const head = [Buffer.from([version]), Buffer.alloc(32, 7), time, vector(Buffer.from('ext'))]
  return Buffer.concat([...head, Buffer.from([4, 3]), vector(Buffer.from('signature'))])
}

const LIST = vector(Buffer.concat([vector(sct()), vector(sct(1))]))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex').replace(/../g, ':$&').slice(1)

const EXTENSIONS = `
subjectAltName=DNS:details.test
keyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=serverAuth,1.2.3.4
certificatePolicies=2.23.140.1.2.1,1.3.6.1.4.1.44947.1.1.1
basicConstraints=CA:FALSE
subjectKeyIdentifier=hash
tlsfeature=status_request
authorityInfoAccess=caIssuers;URI:http://a.test/ca.der,OCSP;URI:http://o.test/,caIssuers;URI:ldap://a.test/x,OCSP;URI:https://p.test
crlDistributionPoints=plain,some,indirect`
const POINTS = `
[plain]
fullname=URI:http://c.test/1.crl,URI:ldap://c.test/1
[some]
fullname=URI:http://c.test/2.crl
reasons=keyCompromise
[indirect]
fullname=URI:http://c.test/3.crl
CRLissuer=dirName:dn`
const SCTS = `\n1.3.6.1.4.1.11129.2.4.2=DER:${hex(der(0x04, LIST))}`

const leaf = leafWith(root, 'details.test', `${EXTENSIONS}${SCTS}${POINTS}`)

test('details of a certificate', async t => {
  const details = readDetails({ der: leaf.raw })
  t.same(details.der, leaf.raw)
  t.same(details.caIssuers, ['http://a.test/ca.der'], 'http and https alone')
  t.same(details.ocspUrls, ['http://o.test/', 'https://p.test'])
  t.match(details.crlPoints, [
    { urls: ['http://c.test/1.crl'], isForSomeReasons: false, isIndirect: false },
    { urls: ['http://c.test/2.crl'], isForSomeReasons: true, isIndirect: false },
    { urls: ['http://c.test/3.crl'], isForSomeReasons: false, isIndirect: true },
  ])
  t.same(
    details.crlPoints[0]?.names,
    ['http://c.test/1.crl', 'ldap://c.test/1'].map(uri => der(0x86, Buffer.from(uri))),
    'all names of a point',
  )
  t.same(details.crlUrls, ['http://c.test/1.crl'])
  t.equal(details.isMustStaple, true)
  t.same(details.keyUsage, ['digitalSignature', 'keyEncipherment'])
  t.same(details.extendedKeyUsage, ['1.3.6.1.5.5.7.3.1', '1.2.3.4'])
  t.same(details.policies, ['2.23.140.1.2.1', '1.3.6.1.4.1.44947.1.1.1'])
  t.equal(details.isCa, false)
  t.equal(details.serialNumber.replace(/^00/, '').toUpperCase(), leaf.serialNumber)
  t.same(details.spki, leaf.publicKey.export({ type: 'spki', format: 'der' }))
  t.match(details.spkiSha256, /^[A-Za-z0-9+/]{43}=$/)
  t.ok(details.spki.subarray(-details.publicKeyBits.length).equals(details.publicKeyBits))
  t.equal(details.subjectKeyId?.length, 20)
  t.match(details.signatureAlgorithm, { oid: '1.2.840.10045.4.3.2', name: 'ecdsa-with-SHA256' })
  t.same(details.rawIssuer, readDetails(root.cert.raw).rawSubject, 'byte for byte')
  t.equal(details.extension('2.5.29.15')?.isCritical, true)
  t.equal(details.extension('1.2.3'), undefined)
  t.ok(details.tbs.equals(leaf.raw.subarray(4, 4 + details.tbs.length)))
})

test('an authority has its limits, and no leaf extensions', async t => {
  const child = await makeAuthority({ name: 'Child', parent: root, pathLen: 0 })
  const details = readDetails(child.cert.raw)
  t.match(details, { isCa: true, pathLength: 0, isMustStaple: false })
  t.same([details.caIssuers, details.ocspUrls, details.crlUrls, details.scts], [[], [], [], []])
  t.same(details.precertificateTbs(), details.tbs, 'without timestamps the precertificate is the same')
})

test('embedded timestamps, and what logs have signed', async t => {
  const details = readDetails(leaf.raw)
  const [first, other] = details.scts
  t.match(first, { version: 0, timestamp: 1_700_000_000_123, hashAlgorithm: 4, signatureAlgorithm: 3 })
  t.equal(first?.signature.toString(), 'signature')
  t.equal(first?.extensions.toString(), 'ext')
  t.same(first?.logId, Buffer.alloc(32, 7))
  t.match(other, { version: 1, raw: sct(1) })
  const removed = sequence(der(0x06, Buffer.from('2b06010401d679020402', 'hex')), der(0x04, der(0x04, LIST)))
  const at = details.tbs.indexOf(removed)
  t.not(at, -1)
  const precertificate = details.precertificateTbs()
  t.equal(precertificate.indexOf(removed), -1)
  t.ok(precertificate.subarray(-100).equals(details.tbs.subarray(-100)) || at > details.tbs.length - 200)
  t.ok(details.tbs.length - precertificate.length >= removed.length)
  t.same(readSctList(LIST).length, 2, 'as the TLS extension carries them')
})

test('an unreadable extension is never treated as absent', async t => {
  const unreadable = { code: 'PTC_CERTIFICATE_UNREADABLE' }
  t.throws(() => readDetails(Buffer.alloc(0)), unreadable)
  t.throws(() => readDetails(Buffer.concat([leaf.raw, Buffer.from([0])])), unreadable, 'bytes behind its end')
  t.throws(() => readDetails(leaf.raw.subarray(0, -1)), unreadable)
  t.throws(() => readSctList(Buffer.concat([LIST, Buffer.from([0])])), unreadable)
  t.throws(() => readSctList(LIST.subarray(0, -1)), unreadable)
  t.throws(() => readStapledScts(Buffer.from('no response')), unreadable)
  t.throws(() => readDetails(certificateShape({})), unreadable, 'a certificate without content')
  const bad = leafWith(
    root,
    'bad.test',
    '1.3.6.1.5.5.7.1.24=DER:02:01:05\n2.5.29.15=DER:30:00\n1.3.6.1.4.1.11129.2.4.2=DER:04:01:00',
  )
  const details = readDetails(bad.raw)
  t.throws(() => details.isMustStaple, unreadable)
  t.throws(() => details.keyUsage, unreadable)
  t.throws(() => details.scts, unreadable)
})

test('an extension that is there twice is not read at all', async t => {
  const { raw } = leafWith(
    root,
    'twice.test',
    'keyUsage=critical,digitalSignature\n2.5.29.99=DER:03:02:07:80',
  )
  const twice = Buffer.from(raw)
  const at = twice.indexOf(Buffer.from('551d63', 'hex'))
  t.not(at, -1)
  t.same(readDetails(twice).keyUsage, ['digitalSignature'])
  twice[at + 2] = 0x0f
  t.throws(() => readDetails(twice).keyUsage, { code: 'PTC_CERTIFICATE_UNREADABLE' })
})
