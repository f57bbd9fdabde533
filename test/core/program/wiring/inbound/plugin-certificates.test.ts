import { test } from 'tap'
import { PluginCertificates } from '../../../../../core/program/wiring/inbound/plugin-certificates.js'
import { liveNatives } from '../../../../../core/tls/openssl/owned.js'
import { makeAuthority } from '../../../../kit/pki.js'

const root = await makeAuthority({ name: 'Root' })
const issued = await root.issue({ cn: 'a.test' })
const pems = { cert: issued.chainPem, key: issued.keyPem }
const contexts = (): number => liveNatives()['SSL_CTX'] ?? 0

test('a certificate that is given again is not read again', async t => {
  const given = new PluginCertificates({
    sessionContext: Buffer.from('test'),
    sessionTimeout: 300,
    sessions: undefined,
  })
  const first = given.of(pems, '')
  t.equal(given.of({ ...pems }, ''), first)
  t.equal(contexts(), 1)
  t.throws(
    () => given.of({ ...pems, key: 'x' }, ''),
    { code: 'PTC_TLS_CONTEXT' },
    'with another key it is another one',
  )
  t.throws(() => given.of({ cert: '', key: '' }, ''), {
    code: 'PTC_TLS_CONTEXT',
    message: /has no certificate/,
  })
  for (let i = 0; i < 250; i++) given.of({ ...pems, cert: `${pems.cert}\n${' '.repeat(i)}` }, '')
  t.equal(contexts(), 200, 'a bounded number is kept')
  const other = given.of(pems, 'other')
  for (let i = 0; i < 250; i++) given.of({ ...pems, cert: `${pems.cert}\n${' '.repeat(i)}` }, '')
  t.equal(given.of(pems, 'other'), other, 'one client pushes out none of another')
  given.free()
  t.equal(contexts(), 0)
})
