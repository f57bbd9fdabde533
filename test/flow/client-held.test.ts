/** Clients of an ssl port while they are held: what they send, what plugins may do, what a reload does. */
import { connect as connectTcp } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'
import { test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { helloMessage, inRecords } from '../kit/client-hellos.js'
import { HookGate, later } from '../kit/gate.js'
import { natives } from '../kit/handshakes.js'
import { startSClient } from '../kit/s-client.js'
import { HELLO, origin, REQUEST, root, SECURE_FILES, secureProxy } from '../kit/secure-proxy.js'

const VERSIONS = ['1.2', '1.3'] as const
const BODY = 1_000_000
const WITH_CERTIFICATES = {
  'proxy.config.ssl.client.certification_level': 2,
  'proxy.config.ssl.CA.cert.filename': 'root.pem',
} as const
const mine = await root.issue({ cn: 'client.example', eku: ['clientAuth'] })

for (const tls of VERSIONS) {
  test(`TLS ${tls}: a large request behind the handshake waits, and is served`, async t => {
    const gate = new HookGate({ TS_SSL_VERIFY_CLIENT_HOOK: () => {} })
    const { port } = await secureProxy(t, [gate], { records: WITH_CERTIFICATES })
    const client = connect({
      ...{ port, ca: root.certPem, servername: 'proxy.example', maxVersion: `TLSv${tls}` },
      ...{ cert: mine.certPem, key: mine.keyPem },
    })
    t.teardown(() => client.destroy())
    const url = `http://origin.example:${origin.port}/`
    client.write(`POST ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${BODY}\r\n\r\n`)
    client.write(Buffer.alloc(BODY))
    const event = await gate.next('TS_SSL_VERIFY_CLIENT_HOOK')
    await sleep(100)
    event.reenable()
    let answer = ''
    for await (const bytes of client) answer += String(bytes)
    t.match(answer, /^HTTP\/1\.1 200 [\s\S]*hello from/)
  })

  test(`TLS ${tls}: a client that has sent much while held is told of its refusal as well`, async t => {
    const gate = new HookGate({ TS_SSL_VERIFY_CLIENT_HOOK: () => {} })
    const { port } = await secureProxy(t, [gate], { records: WITH_CERTIFICATES })
    const client = connect({
      ...{ port, ca: root.certPem, servername: 'proxy.example', maxVersion: `TLSv${tls}` },
      ...{ cert: mine.certPem, key: mine.keyPem },
    })
    const failed = new Promise<unknown>(resolve => client.once('error', resolve))
    client.write(Buffer.alloc(BODY))
    const event = await gate.next('TS_SSL_VERIFY_CLIENT_HOOK')
    await sleep(100)
    event.reenable(reject('revoked'))
    t.match(String(await failed), tls === '1.2' ? /alert certificate revoked/ : /alert bad record mac/)
    client.destroy()
  })

  test(`TLS ${tls}: a plugin that has had its turn chooses no certificate any more`, async t => {
    let late: unknown
    const first = new HookGate({
      TS_SSL_CERT_HOOK: ({ use, reenable }) => {
        reenable()
        try {
          use('other.example')
        } catch (cause) {
          late = cause
        }
      },
    })
    const second = new HookGate({ TS_SSL_CERT_HOOK: ({ reenable }) => later(reenable) })
    const { client } = await secureProxy(t, [first, second])
    t.match(await client({ tls }), { shown: 'proxy.example', body: HELLO })
    t.match(late, { code: 'PTC_PLUGIN_CALL' })
  })

  test(`TLS ${tls}: a reload leaves the plugins to the clients that they hold`, async t => {
    const gate = new HookGate({ TS_SSL_CLIENT_HELLO_HOOK: () => {} })
    const { port, proxy } = await secureProxy(t, [gate])
    const client = await startSClient({ port, tls, servername: 'proxy.example', request: REQUEST })
    t.teardown(() => client.child.stop())
    const event = await gate.next('TS_SSL_CLIENT_HELLO_HOOK')
    proxy.conf.write({
      hosts: ['origin.example'],
      files: SECURE_FILES,
      records: { 'proxy.config.http.server_ports': '0:ssl:ip-in=127.0.0.1' },
    })
    await proxy.server.reload()
    await sleep(600) // longer than between two looks at what is retired
    t.notOk(event.signal.aborted)
    event.schedule(event.reenable, 10)
    t.equal((await client.result()).body, HELLO)
  })
}

test('an empty record in front of a ClientHello does not hide it', async t => {
  const gate = new HookGate({ TS_SSL_CLIENT_HELLO_HOOK: ({ reenable }) => reenable() })
  const { port } = await secureProxy(t, [gate])
  const hello = inRecords(helloMessage({ names: ['proxy.example'] }))
  for (const [bytes, isAsked] of [
    [hello, true],
    [Buffer.concat([Buffer.from([22, 3, 1, 0, 0]), hello]), false],
  ] as const) {
    const before = gate.called.length
    const client = connectTcp(port, '127.0.0.1')
    client.on('error', () => {})
    const ended = new Promise(resolve => client.once('close', resolve))
    client.write(bytes)
    client.resume()
    await ended
    t.equal(gate.called.length - before, isAsked ? 1 : 0)
  }
})

test('extensions that OpenSSL does not know are shown, in the client’s order', async t => {
  const gate = new HookGate({ TS_SSL_CLIENT_HELLO_HOOK: ({ reenable }) => reenable(reject('policy')) })
  const { port } = await secureProxy(t, [gate])
  const more = [
    [0x1a1a, Buffer.from('grease')],
    [0xfe0d, Buffer.from('ech')],
  ] as const
  const client = connectTcp(port, '127.0.0.1')
  client.write(inRecords(helloMessage({ names: ['proxy.example'], more })))
  const event = await gate.next('TS_SSL_CLIENT_HELLO_HOOK')
  t.same(event.extensions, [0x1a1a, 0xfe0d, 0])
  t.same(event.extension(0x1a1a), Buffer.from('grease'))
  client.destroy()
})

test('each session that a client offers is looked for', async t => {
  const gate = new HookGate({
    TS_SSL_SESSION_HOOK: event => {
      if (event.op === 'get') later(event.reenable)
    },
  })
  const { port } = await secureProxy(t, [gate])
  const ids = [Buffer.alloc(32, 7), Buffer.alloc(200, 8), Buffer.alloc(32, 9)]
  const sized = (bytes: Buffer): Buffer =>
    Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
  const identities = sized(Buffer.concat(ids.map(id => Buffer.concat([sized(id), Buffer.alloc(4)]))))
  const binders = sized(Buffer.concat(ids.map(() => Buffer.concat([Buffer.from([32]), Buffer.alloc(32)]))))
  const more = [
    [43, Buffer.from([2, 3, 4])],
    [41, Buffer.concat([identities, binders])],
  ] as const
  const client = connectTcp(port, '127.0.0.1')
  client.write(inRecords(helloMessage({ more })))
  const [first, second] = [
    await gate.next('TS_SSL_SESSION_HOOK', 0),
    await gate.next('TS_SSL_SESSION_HOOK', 1),
  ]
  t.same([first.id, second.id], [ids[0], ids[2]], 'but for what cannot be one of ours')
  client.destroy()
})

test('every native object is freed when all connections have ended', async t => {
  t.same(natives(), { 'scratch BIO': 1 }, 'every native object is freed')
})
