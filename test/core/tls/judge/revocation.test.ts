import { createHash, X509Certificate } from 'node:crypto'
import { test } from 'tap'
import type { Certificate } from '../../../../core/api/certificate.js'
import { certificateOf } from '../../../../core/tls/judge/chain-certificate.js'
import { leafDigests } from '../../../../core/tls/judge/leaf-digests.js'
import { readRevocation } from '../../../../core/tls/judge/revocation.js'
import { Revocations } from '../../../../core/tls/judge/revocations.js'
import { makeAuthority } from '../../../kit/pki.js'

const root = await makeAuthority({ name: 'Root' })
const chainOf = async (keyType: 'ec' | 'rsa-2048'): Promise<readonly Certificate[]> => {
  const { certPem } = await root.issue({ cn: 'foo.test', keyType })
  return [certificateOf(new X509Certificate(certPem).raw)]
}
const [chain, otherChain] = [await chainOf('ec'), await chainOf('rsa-2048')]
const leaf = () => leafDigests({ chain })
const other = () => leafDigests({ chain: otherChain })
const read = (wanted: unknown) =>
  readRevocation(wanted, key => (key === 'known' ? 'foo.test' : undefined)).isRevoked

test('a revocation by host forgets what is about that host', async t => {
  for (const host of ['foo.test', 'FOO.test', 'foo.test.']) {
    t.ok(read({ host })('foo.test', leaf), host)
    t.ok(read({ host })('foo.test.', leaf), `${host}, asked for with a dot`)
    t.notOk(read({ host })('sub.foo.test', leaf))
  }
  t.ok(read({ host: 'bücher.test' })('xn--bcher-kva.test', leaf))
  for (const host of ['::1', '[::1]', '0:0::1']) t.ok(read({ host })('::1', leaf), host)
  for (const host of ['', 'foo.test:443', 'https://foo.test', 'foo.test/x', 'a b', 'u@foo.test', '*.test\\'])
    t.throws(() => read({ host }), { code: 'PTC_REVOCATION' }, host)
})

test('a revocation names a leaf by its digest or by that of its key', async t => {
  const x509 = chain[0]?.x509
  const spki = createHash('sha256')
    .update(x509?.publicKey.export({ type: 'spki', format: 'der' }) ?? '')
    .digest()
  for (const text of [spki.toString('hex'), spki.toString('base64'), spki.toString('base64url')]) {
    t.ok(read({ spki: text })('foo.test', leaf), text)
    t.notOk(read({ spki: text })('foo.test', other))
    t.notOk(read({ certificate: text })('foo.test', leaf))
  }
  const fingerprint = x509?.fingerprint256 ?? ''
  t.ok(read({ certificate: fingerprint })('any.test', leaf), 'as openssl prints it')
  t.notOk(read({ certificate: fingerprint })('foo.test', other))
  const unreadable = () => ({ certificate: 'x', spki: undefined })
  t.ok(read({ spki: spki.toString('hex') })('foo.test', unreadable), 'what cannot be told apart goes')
  t.ok(read({ spki: spki.toString('hex') })('foo.test', () => undefined))
  for (const text of ['', 'abc', `${spki.toString('hex')}0`, '*'.repeat(43)])
    t.throws(() => read({ spki: text }), { code: 'PTC_REVOCATION' }, text)
  t.equal(leafDigests({ chain: [] }), undefined)
  const broken = { sha256: 'x', der: Buffer.from('no DER') } as Certificate
  t.same(leafDigests({ chain: [broken] }), { certificate: 'x', spki: undefined })
})

test('a revocation by verdict forgets what rests on its host', async t => {
  t.ok(read({ key: 'known' })('foo.test', leaf, 'known'))
  t.notOk(read({ key: 'known' })('foo.test', leaf, 'another'), 'other verdicts about the host stay')
  t.ok(read({ key: 'known' })('foo.test', leaf), 'a connection does not say which verdict it rests on')
  t.notOk(read({ key: 'known' })('bar.test', leaf))
  t.throws(() => read({ key: 'unknown' }), { code: 'PTC_REVOCATION', message: /no verdict/ })
})

test('a revocation can be of everything, or can match nothing', async t => {
  t.ok(read('all')('foo.test', leaf))
  const wrong = [undefined, null, 'everything', {}, { host: 1 }, { host: 'a', key: 'b' }, { hots: 'a' }, 7]
  for (const wanted of wrong) t.throws(() => read(wanted), { code: 'PTC_REVOCATION' })
})

test('connections are closed when all else is forgotten', async t => {
  const all = new Revocations()
  const order: string[] = []
  const leave = all.join('connections', () => order.push('connections'))
  all.join('verdicts', () => order.push('verdicts'))
  all.join('sessions', () => 0)
  t.same(
    all.revoke(() => true),
    { verdicts: 1, sessions: 0, addresses: 0, connections: 2 },
  )
  t.same(order, ['verdicts', 'connections'])
  leave()
  all.revoke(() => true)
  t.same(order, ['verdicts', 'connections', 'verdicts'])
})
