import { mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { planOutboundContext } from '../../../../../core/program/wiring/outbound/context.js'
import { readSettings } from '../../../../../core/settings/settings.js'
import { OutboundContext } from '../../../../../core/tls/openssl/outbound-context.js'
import { makeAuthority } from '../../../../kit/pki.js'
import { makeConfDir, type ProxyConf } from '../../../../kit/proxy.js'

const root = await makeAuthority({ name: 'Root' })
const other = await makeAuthority({ name: 'Other Root' })
const clientCertificate = await root.issue({ cn: 'the proxy', eku: ['clientAuth'] })
const PREFIX = 'proxy.config.ssl.client.'

function setUp(t: Test, conf: ProxyConf) {
  const dir = makeConfDir(conf)
  t.teardown(dir.remove)
  return { dir, plan: () => planOutboundContext(readSettings({ confDir: dir.path, env: {} }).outboundTls) }
}

test('without records the system is trusted, or else what comes with Node', async t => {
  const { options, trusts } = setUp(t, {
    records: { 'proxy.config.ssl.client.CA.cert.filename': null },
  }).plan()
  t.ok(options.anchors.length > 50)
  t.match(trusts, /^\d+ trust anchors from (\/etc\/|the roots bundled with Node)/)
  t.equal(options.certificate, undefined, 'and no certificate is shown')
  t.match(options, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' })
})

test('a file of roots replaces those of the system', async t => {
  const { dir, plan } = setUp(t, { ca: root.certPem + other.certPem })
  const { options, trusts } = plan()
  t.same(
    options.anchors.map(pem => pem.trim()),
    [root.certPem.trim(), other.certPem.trim()],
  )
  t.equal(trusts, `2 trust anchors from ${join(dir.path, 'roots.pem')}`)
})

test('a folder of roots replaces those of the system', async t => {
  const { dir, plan } = setUp(t, {
    ca: root.certPem,
    records: { [`${PREFIX}CA.cert.filename`]: null, [`${PREFIX}CA.cert.path`]: 'anchors' },
  })
  mkdirSync(join(dir.path, 'anchors'))
  t.throws(plan, { code: 'PTC_TLS_CONTEXT', message: /CA\.cert\.path: no \.pem or \.crt file in .*anchors/ })
  renameSync(join(dir.path, 'roots.pem'), join(dir.path, 'anchors', 'roots.pem'))
  t.equal(plan().options.anchors.length, 1)
})

test('certificates that break rules are refused where the record says so', async t => {
  t.equal(setUp(t, { ca: root.certPem }).plan().options.isStrict, false)
  const records = { [`${PREFIX}verify.server.strict`]: 1 } as const
  t.equal(setUp(t, { ca: root.certPem, records }).plan().options.isStrict, true)
})

test('a certificate for origins, with its key beside it or in the same file', async t => {
  const beside = setUp(t, { ca: root.certPem, clientCertificate }).plan()
  t.equal(beside.options.certificate?.key, clientCertificate.keyPem)
  const both = clientCertificate.certPem + clientCertificate.keyPem
  const oneFile = setUp(t, {
    ca: root.certPem,
    clientCertificate: { certPem: both, keyPem: '' },
    records: { [`${PREFIX}private_key.filename`]: null },
  }).plan()
  for (const { options } of [beside, oneFile]) {
    t.equal(options.certificate?.chain.length, 1)
    new OutboundContext(options).free()
  }
})

test('files that are of no use are named, with their record', async t => {
  const cases: readonly (readonly [ProxyConf, RegExp])[] = [
    [
      { records: { [`${PREFIX}CA.cert.filename`]: 'gone.pem' } },
      /CA\.cert\.filename: cannot read .*gone\.pem/,
    ],
    [{ ca: 'no certificate' }, /CA\.cert\.filename: no PEM certificate in .*roots\.pem/],
    [
      { records: { [`${PREFIX}cert.filename`]: 'gone.pem' } },
      /client\.cert\.filename: cannot read .*gone\.pem/,
    ],
    [
      { clientCertificate, records: { [`${PREFIX}private_key.filename`]: 'gone.key' } },
      /private_key\.filename: cannot read .*gone\.key/,
    ],
  ]
  for (const [conf, message] of cases) t.throws(setUp(t, conf).plan, { code: 'PTC_TLS_CONTEXT', message })
})

test('a key that belongs to another certificate', async t => {
  const { keyPem } = await root.issue({ cn: 'somebody else' })
  const { options } = setUp(t, {
    ca: root.certPem,
    clientCertificate: { ...clientCertificate, keyPem },
  }).plan()
  t.throws(() => new OutboundContext(options), {
    code: 'PTC_TLS_CONTEXT',
    message: /client\.pem.*key values mismatch/,
  })
})

test('the versions that are offered', async t => {
  for (const [records, expected] of [
    [{ [`${PREFIX}TLSv1_2`]: 0 }, { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' }],
    [{ [`${PREFIX}TLSv1_3`]: 0 }, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }],
  ] as const) {
    t.match(setUp(t, { ca: root.certPem, records }).plan().options, expected)
  }
})
