/** The hooks of a client's handshake on an ssl port, with OpenSSL's own client at the other end. */
import { connect } from 'node:net'
import { test } from 'tap'
import type { ClientHelloEvent } from '../../core/api/client-hooks.js'
import { reject } from '../../core/api/verdict.js'
import { HookGate, later } from '../kit/gate.js'
import { natives } from '../kit/handshakes.js'
import { startSClient } from '../kit/s-client.js'
import { HELLO, own, REQUEST, root, secureProxy } from '../kit/secure-proxy.js'

const VERSIONS = ['1.2', '1.3'] as const
const given = await root.issue({ cn: 'given.example' })

for (const tls of VERSIONS) {
  test(`TLS ${tls}: the hooks of a client, in their order`, async t => {
    const gate = new HookGate({
      TS_VCONN_START_HOOK: ({ reenable }) => later(reenable),
      TS_SSL_CLIENT_HELLO_HOOK: ({ reenable }) => later(reenable),
      TS_SSL_SERVERNAME_HOOK: () => {},
      TS_SSL_CERT_HOOK: ({ reenable }) => later(reenable),
      TS_SSL_VERIFY_CLIENT_HOOK: ({ reenable }) => reenable(),
      TS_HTTP_SEND_REQUEST_HDR_HOOK: ({ reenable }) => reenable(),
      TS_VCONN_CLOSE_HOOK: () => {},
    })
    const { client } = await secureProxy(t, [gate])
    t.match(await client({ tls }), { body: HELLO, shown: 'proxy.example', isResumed: false })
    const { id } = await gate.next('TS_VCONN_CLOSE_HOOK')
    t.same(gate.called, [
      'TS_VCONN_START_HOOK',
      'TS_SSL_CLIENT_HELLO_HOOK',
      'TS_SSL_SERVERNAME_HOOK',
      'TS_SSL_CERT_HOOK',
      'TS_HTTP_SEND_REQUEST_HDR_HOOK',
      'TS_VCONN_CLOSE_HOOK',
    ])
    const hello = await gate.next('TS_SSL_CLIENT_HELLO_HOOK')
    t.equal(hello.vconn.id, id, 'all about one connection')
    t.equal(hello.vconn.direction, 'inbound')
  })

  test(`TLS ${tls}: parked at the ClientHello`, async t => {
    const gate = new HookGate({ TS_SSL_CLIENT_HELLO_HOOK: () => {} })
    const { port } = await secureProxy(t, [gate])
    const client = await startSClient({
      ...{ port, tls, servername: 'Proxy.example', request: REQUEST },
      args: ['-alpn', 'private/1,http/1.1', '-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
    })
    t.teardown(() => client.child.stop())
    const event = await gate.next('TS_SSL_CLIENT_HELLO_HOOK')
    t.equal(event.sni, 'proxy.example')
    t.same(event.alpn, ['private/1', 'http/1.1'])
    t.same(event.versions, [`TLSv${tls}`])
    t.equal(event.ciphers.includes(0xc02b), tls === '1.2', 'the cipher suites by number')
    t.ok(event.extensions.includes(0))
    t.match(event.extension(0)?.toString('latin1'), /Proxy\.example$/)
    t.equal(event.extension(4711), undefined)
    t.equal(event.raw[0], 1, 'a ClientHello,')
    t.equal(event.raw.length, 4 + event.raw.readUIntBE(1, 3), 'to its last byte')
    await new Promise(r => setTimeout(r, 100))
    t.notMatch(client.output(), /subject=|ServerHello|New,/, 'nothing has been answered')
    t.equal(event.reenable(), 'counted')
    t.match(await client.result(), { body: HELLO })
    t.equal(event.reenable(), 'ignored')
  })

  test(`TLS ${tls}: a refusal is an alert`, async t => {
    const answers: readonly [string, (event: ClientHelloEvent) => unknown, number, options?: string][] = [
      ['policy', ({ reenable }) => reenable(reject('policy', 'not you')), 49],
      ['a name', ({ reenable }) => later(() => reenable(reject('name-mismatch'))), 112],
      ['internal', ({ reenable }) => reenable(reject('internal')), 80],
      ['any other', ({ reenable }) => reenable(reject('revoked')), 40],
      ['out of its own time', () => {}, 40, '@deadline=100'],
    ]
    for (const hook of ['TS_SSL_CLIENT_HELLO_HOOK', 'TS_SSL_CERT_HOOK'] as const) {
      for (const [what, answer, alert, options = ''] of answers) {
        const gate = new HookGate({ [hook]: answer }, { options })
        const { client, proxy } = await secureProxy(t, [gate])
        t.match(await client({ tls }), { alert, body: undefined }, `${hook}: ${what}`)
        await proxy.until(/plugin gate refused the client's handshake/)
      }
    }
  })

  test(`TLS ${tls}: a client that leaves while parked`, async t => {
    const before = natives()
    for (const hook of ['TS_SSL_CLIENT_HELLO_HOOK', 'TS_SSL_CERT_HOOK'] as const) {
      const gate = new HookGate({ [hook]: () => {}, TS_VCONN_CLOSE_HOOK: () => {} })
      const { port, proxy } = await secureProxy(t, [gate])
      const client = await startSClient({ port, tls })
      const event = await gate.next(hook)
      await client.child.stop()
      await gate.next('TS_VCONN_CLOSE_HOOK')
      t.ok(event.signal.aborted, `${hook}: the signal has aborted`)
      t.equal(event.reenable(), 'ignored')
      t.match(proxy.output(), /reenabled the handshake with client 127\.0\.0\.1:\d+ when nobody waited/)
      t.equal(gate.of('TS_VCONN_CLOSE_HOOK').length, 1, 'and the close hook was called once')
      await proxy.stop()
    }
    t.same(natives(), before, 'nothing native is left')
  })

  test(`TLS ${tls}: the certificate is a plugin's choice`, async t => {
    const choices: readonly [string, string | { cert: string; key: string }, string][] = [
      ['by name', 'other.example', 'other.example'],
      ['as PEM', { cert: given.chainPem, key: given.keyPem }, 'given.example'],
    ]
    for (const [what, choice, shown] of choices) {
      const gate = new HookGate({
        TS_SSL_CERT_HOOK: ({ use, reenable }) =>
          later(() => {
            use(choice)
            reenable()
          }),
      })
      const { client } = await secureProxy(t, [gate])
      t.match(await client({ tls, args: ['-groups', 'P-256'] }), { shown, body: HELLO }, what)
    }
    const errors: unknown[] = []
    const gate = new HookGate({
      TS_SSL_CERT_HOOK: ({ use, reenable }) => {
        for (const bad of [
          'nobody.example',
          { cert: 'x', key: 'y' },
          { cert: given.certPem, key: own.keyPem },
        ])
          try {
            use(bad)
          } catch (cause) {
            errors.push(cause)
          }
        reenable()
      },
    })
    const { client } = await secureProxy(t, [gate])
    t.match(await client({ tls }), { shown: 'proxy.example', body: HELLO }, 'what cannot be used is not')
    t.match(errors, [{ code: 'PTC_PLUGIN_CALL' }, { code: 'PTC_TLS_CONTEXT' }, { code: 'PTC_TLS_CONTEXT' }])
    t.throws(() => gate.of('TS_SSL_CERT_HOOK')[0]?.use('other.example'), { code: 'PTC_PLUGIN_CALL' })
  })
}

test('a ClientHello is asked about once, however often it must be sent', async t => {
  const gate = new HookGate({
    TS_SSL_CLIENT_HELLO_HOOK: ({ reenable }) => later(reenable),
    TS_SSL_CERT_HOOK: ({ reenable }) => later(reenable),
  })
  const { client } = await secureProxy(t, [gate], {
    records: { 'proxy.config.ssl.server.groups_list': 'P-256' },
  })
  // Its key share is for X25519: the proxy answers with a HelloRetryRequest.
  const result = await client({ tls: '1.3', args: ['-groups', 'X25519:P-256', '-msg'] })
  t.equal(result.body, HELLO)
  t.equal(result.output.match(/>>> TLS 1\.3, Handshake \[length \w+\], ClientHello/g)?.length, 2)
  t.same(gate.called, ['TS_SSL_CLIENT_HELLO_HOOK', 'TS_SSL_CERT_HOOK'])
})

test('two plugins on one hook take turns, and the aliases of the hook are the hook', async t => {
  const log: string[] = []
  const gates = [0, 1, 2].map(
    index =>
      new HookGate(
        {
          TS_SSL_CERT_HOOK: ({ reenable }) => {
            const answer = (): void => {
              log.push(`${index} reenables`)
              reenable()
            }
            if (index === 2) answer()
            else later(answer)
          },
        },
        { log },
      ),
  )
  const { client } = await secureProxy(t, [], {
    plugins: gates.map(({ line }, i) =>
      i === 1 ? line.replace('TS_SSL_CERT_HOOK', 'TS_SSL_SNI_HOOK') : line,
    ),
  })
  t.equal((await client()).body, HELLO)
  t.same(
    log.map(line => line.replace(/^\d+ TS_.*/, 'asked')),
    ['asked', '0 reenables', 'asked', '1 reenables', 'asked', '2 reenables'],
  )
  for (const gate of gates) gate.stop()
})

test('a plugin that throws refuses, and the handshake has an end', async t => {
  const throwing = `export default ({ hookAdd }) => hookAdd('TS_SSL_CLIENT_HELLO_HOOK', () => { throw new Error('no idea') })`
  const rejecting = `export default ({ hookAdd }) => hookAdd('TS_SSL_CERT_HOOK', async () => { throw new Error('no idea') })`
  for (const text of [throwing, rejecting]) {
    const { client, proxy } = await secureProxy(t, [], { modules: { 'bad.mjs': text }, plugins: ['bad.mjs'] })
    t.match(await client(), { alert: 80, body: undefined })
    await proxy.until(/plugin bad failed while it was asked about client 127.*no idea/)
  }
  const gate = new HookGate({ TS_SSL_CLIENT_HELLO_HOOK: () => {} })
  const { client } = await secureProxy(t, [gate], { records: { 'proxy.config.ssl.handshake_timeout_in': 1 } })
  t.match(await client(), { alert: 40, body: undefined }, 'silence is no')
  t.ok(gate.of('TS_SSL_CLIENT_HELLO_HOOK')[0]?.signal.aborted)
})

test('bytes that are no ClientHello end the handshake before plugins are asked', async t => {
  const gate = new HookGate({ TS_SSL_CLIENT_HELLO_HOOK: ({ reenable }) => reenable() })
  const { port, client } = await secureProxy(t, [gate])
  for (const bytes of [
    'GET / HTTP/1.1\r\n\r\n',
    '\x16\x03\x01\x00\x05hello',
    '\x80\x2e\x01\x03\x03',
    '\x15\x03\x03\x00\x02\x02\x28',
  ]) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {}).resume()
    socket.end(Buffer.from(bytes, 'latin1'))
    await new Promise(resolve => socket.once('close', resolve))
  }
  t.equal(gate.called.length, 0, 'no plugin hears of it')
  t.equal((await client()).body, HELLO, 'and nothing is broken by it')
})

test('every native object is freed when all connections have ended', async t => {
  t.same(natives(), { 'scratch BIO': 1 }, 'every native object is freed')
})
