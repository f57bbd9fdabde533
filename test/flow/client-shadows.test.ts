/** Plugins in shadow mode on the hooks of the client's side. */
import { test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { HookGate, later } from '../kit/gate.js'
import { natives } from '../kit/handshakes.js'
import { HELLO, root, secureProxy } from '../kit/secure-proxy.js'
import { makeTempDir } from '../kit/temp-dir.js'

const VERSIONS = ['1.2', '1.3'] as const
const SHADOW = { options: '@mode=shadow' }
const dir = makeTempDir()
const mine = await root.issue({ cn: 'client.example', eku: ['clientAuth'] })
const cert = dir.file('mine.pem', mine.certPem + mine.keyPem)

for (const tls of VERSIONS) {
  test(`TLS ${tls}: what a shadow says is counted, and has no effect`, async t => {
    const shadow = new HookGate(
      {
        TS_SSL_CLIENT_HELLO_HOOK: ({ reenable }) => reenable(reject('policy', 'on trial')),
        TS_SSL_CERT_HOOK: ({ use, reenable }) => {
          use('other.example')
          t.throws(() => use('nobody.example'), { code: 'PTC_PLUGIN_CALL' }, 'checked all the same')
          reenable(reject('revoked'))
        },
        TS_SSL_VERIFY_CLIENT_HOOK: ({ reenable }) => reenable(),
      },
      SHADOW,
    )
    const { client, proxy } = await secureProxy(t, [shadow], {
      records: {
        'proxy.config.ssl.client.certification_level': 1,
        'proxy.config.ssl.CA.cert.filename': 'root.pem',
      },
    })
    const args = ['-cert', cert, '-key', cert]
    t.match(await client({ tls, args }), { body: HELLO, shown: 'proxy.example' })
    t.equal(shadow.called.length, 3)
    await proxy.until(/would have rejected client 127\.0\.0\.1:\d+: policy, on trial \(plugin gate, in/)
    await proxy.until(/would have rejected client .*: revoked/)
  })

  test(`TLS ${tls}: no client waits for a plugin in shadow mode`, async t => {
    const shadow = new HookGate(
      { TS_SSL_CLIENT_HELLO_HOOK: () => {}, TS_VCONN_CLOSE_HOOK: () => {} },
      { options: '@mode=shadow @deadline=60' },
    )
    const slow = new HookGate({ TS_SSL_CERT_HOOK: ({ reenable }) => setTimeout(reenable, 200) })
    const { client, proxy } = await secureProxy(t, [shadow, slow])
    t.match(await client({ tls }), { body: HELLO })
    const event = await shadow.next('TS_SSL_CLIENT_HELLO_HOOK')
    await proxy.until(/would have rejected client .*: it did not answer in time/)
    t.ok(event.signal.aborted)
    t.equal(event.reenable(), 'ignored')
  })

  test(`TLS ${tls}: the end of the connection leaves a shadow its time`, async t => {
    const shadow = new HookGate(
      { TS_SSL_CERT_HOOK: () => {}, TS_VCONN_CLOSE_HOOK: () => {} },
      { options: '@mode=shadow' },
    )
    const { client, proxy } = await secureProxy(t, [shadow])
    t.match(await client({ tls }), { body: HELLO })
    await shadow.next('TS_VCONN_CLOSE_HOOK')
    const event = await shadow.next('TS_SSL_CERT_HOOK')
    t.notOk(event.signal.aborted)
    t.equal(event.reenable(reject('revoked')), 'counted')
    await proxy.until(/would have rejected client .*: revoked/)
  })

  test(`TLS ${tls}: a session that a shadow provides is not used, nor does its silence cost one`, async t => {
    const sessions = new Map<string, Buffer>()
    let answers = 0
    const keep = new HookGate({
      TS_SSL_SESSION_HOOK: event => {
        if (event.op === 'new') sessions.set(event.id.toString('hex'), event.session)
        if (event.op === 'get') later(event.reenable)
      },
    })
    const shadow = new HookGate(
      {
        TS_SSL_SESSION_HOOK: event => {
          if (event.op !== 'get') return
          answers++
          t.equal(event.provide(Buffer.from('x')), false)
          t.equal(
            event.provide(sessions.get(event.id.toString('hex')) ?? Buffer.alloc(0)),
            true,
            'it would do',
          )
          event.reenable()
        },
      },
      SHADOW,
    )
    const { client } = await secureProxy(t, [keep, shadow])
    const file = `${dir.path}/${tls}.session`
    t.match(await client({ tls, args: ['-sess_out', file] }), { isResumed: false })
    t.match(await client({ tls, args: ['-sess_in', file] }), { isResumed: false, body: HELLO })
    t.equal(answers, 1)
  })
}

test('every native object is freed when all connections have ended', async t => {
  dir.remove()
  t.same(natives(), { 'scratch BIO': 1 }, 'every native object is freed')
})
