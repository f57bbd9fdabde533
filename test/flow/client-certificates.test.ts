/** Certificates of clients on an ssl port: asked for, checked, and shown to plugins before the first byte is read. */
import { test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { HookGate, later } from '../kit/gate.js'
import { natives } from '../kit/handshakes.js'
import { makeAuthority } from '../kit/pki.js'
import type { ProxyConf } from '../kit/proxy.js'
import { HELLO, root, secureProxy } from '../kit/secure-proxy.js'
import { makeTempDir } from '../kit/temp-dir.js'

const VERSIONS = ['1.2', '1.3'] as const

for (const tls of VERSIONS) {
  test(`TLS ${tls}: the certificate of a client`, async t => {
    const dir = makeTempDir()
    t.teardown(() => dir.remove())
    const stranger = await makeAuthority({ name: 'Stranger' })
    const good = await root.issue({ cn: 'client.example', eku: ['clientAuth'] })
    const bad = await stranger.issue({ cn: 'client.example', eku: ['clientAuth'] })
    const withCert = (pems: { certPem: string; keyPem: string }, name: string): readonly string[] => {
      const file = dir.file(name, pems.certPem + pems.keyPem)
      return ['-cert', file, '-key', file]
    }
    const cert = withCert(good, 'good.pem')
    const records = (level: 0 | 1 | 2): NonNullable<ProxyConf['records']> => ({
      'proxy.config.ssl.client.certification_level': level,
      'proxy.config.ssl.CA.cert.filename': 'root.pem',
    })
    const accepting = (): HookGate =>
      new HookGate({ TS_SSL_VERIFY_CLIENT_HOOK: ({ reenable }) => later(reenable) })

    const [none, wanted, required] = [accepting(), accepting(), accepting()]
    const level0 = await secureProxy(t, [none], { records: records(0) })
    t.match(await level0.client({ tls, args: cert }), { body: HELLO }, '0: nobody asks for one')
    t.equal(none.called.length, 0)

    const level1 = await secureProxy(t, [wanted], { records: records(1) })
    t.match(await level1.client({ tls }), { body: HELLO }, '1: one can do without')
    t.equal(wanted.called.length, 0)
    t.match(
      await level1.client({ tls, args: withCert(bad, 'bad.pem') }),
      { body: undefined, alert: 48 },
      '1: a bad one is refused',
    )
    t.equal(wanted.called.length, 0, 'and no plugin is asked about it')
    t.match(await level1.client({ tls, args: cert }), { body: HELLO })

    const level2 = await secureProxy(t, [required], { records: records(2) })
    t.match(
      await level2.client({ tls }),
      { body: undefined, alert: tls === '1.2' ? 40 : 116 },
      '2: one must be shown',
    )
    t.match(await level2.client({ tls, args: cert }), { body: HELLO })
    const [event] = required.of('TS_SSL_VERIFY_CLIENT_HOOK')
    t.match(event?.chain[0]?.subject, /CN=client\.example/)
    t.match(event, { protocol: `TLSv${tls}`, isResumed: false, sni: 'proxy.example' })

    const before = natives()
    const refusing = new HookGate({
      TS_SSL_VERIFY_CLIENT_HOOK: ({ reenable }) => later(() => reenable(reject('revoked'))),
      TS_HTTP_SEND_REQUEST_HDR_HOOK: ({ reenable }) => reenable(),
    })
    const refused = await secureProxy(t, [refusing], { records: records(2) })
    const result = await refused.client({ tls, args: cert })
    t.match(result, { body: undefined, alert: tls === '1.2' ? 44 : 20 }, 'rejected: a fatal alert')
    t.equal(refused.proxy.output().includes('refused the client'), true)
    t.same(refusing.called, ['TS_SSL_VERIFY_CLIENT_HOOK'], 'no byte of its request has been read')
    await refused.proxy.stop()
    t.same(natives(), before)
  })
}

test('certificates of clients are asked for only with authorities for them', async t => {
  await t.rejects(secureProxy(t, [], { records: { 'proxy.config.ssl.client.certification_level': 1 } }), {
    code: 'PTC_TLS_CONTEXT',
    message: /certification_level is 1, and neither/,
  })
})

test('every native object is freed when all connections have ended', async t => {
  t.same(natives(), { 'scratch BIO': 1 }, 'every native object is freed')
})
