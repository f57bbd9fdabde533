/** The hooks of a client's handshake inside a CONNECT that is bumped, with curl and OpenSSL's own client. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { liveNatives } from '../../core/tls/openssl/owned.js'
import { type Bumping, startBumping } from '../kit/bumping.js'
import { realHello } from '../kit/client-hellos.js'
import { type ConnectingOptions, httpsOrigin, testRoot } from '../kit/connecting.js'
import { HookGate } from '../kit/gate.js'
import { requireProgram } from '../kit/programs.js'
import { startSClient, throughProxy } from '../kit/s-client.js'
import { makeTempDir } from '../kit/temp-dir.js'

const HOST = 'www.google.com'
const VERSIONS = ['1.2', '1.3'] as const
const FLAGS = { '1.2': ['--tls-max', '1.2'], '1.3': ['--tlsv1.3'] } as const
const given = await (await testRoot()).issue({ cn: HOST })

const later = (fn: () => unknown): unknown => setTimeout(fn, 20)
const natives = (): object =>
  Object.fromEntries(Object.entries(liveNatives()).filter(([, count]) => count > 0))

/** A test that starts curl beside its own steps has to know first that curl is there. */
async function start(t: Test, options: Partial<ConnectingOptions>): Promise<Bumping> {
  requireProgram('curl')
  return await startBumping(t, { hosts: [HOST], ...options })
}

for (const tls of VERSIONS) {
  test(`TLS ${tls}: the hooks, in their order, about the one connection`, async t => {
    const order: string[] = []
    const told =
      (what: string) =>
      ({ reenable }: { reenable: () => unknown }) => {
        order.push(what)
        later(reenable)
      }
    const clientGate = new HookGate({
      TS_SSL_CLIENT_HELLO_HOOK: told('hello'),
      TS_SSL_SERVERNAME_HOOK: () => order.push('name'),
      TS_SSL_CERT_HOOK: told('certificate'),
      TS_VCONN_CLOSE_HOOK: () => {},
    })
    const { browse } = await start(t, { clientGates: [clientGate], answer: told('origin') })
    const origin = await httpsOrigin(t, HOST)
    const { stdout } = await browse(...FLAGS[tls], `https://${HOST}:${origin.port}/`)
    t.match(stdout, /hello from www\.google\.com/)
    t.strictSame(order, ['hello', 'origin', 'name', 'certificate'])
    const { vconn, sni } = await clientGate.next('TS_SSL_CLIENT_HELLO_HOOK')
    t.equal(sni, HOST)
    t.equal((await clientGate.next('TS_VCONN_CLOSE_HOOK')).id, vconn.id)
    t.equal(clientGate.of('TS_VCONN_CLOSE_HOOK').length, 1, 'one connection')
  })

  test(`TLS ${tls}: the ClientHello is asked about before the proxy goes to the origin`, async t => {
    const clientGate = new HookGate({ TS_SSL_CLIENT_HELLO_HOOK: () => {}, TS_SSL_CERT_HOOK: () => {} })
    const { browse, gate } = await start(t, { clientGates: [clientGate], answer: () => undefined })
    const origin = await httpsOrigin(t, HOST)
    const answered = browse(...FLAGS[tls], `https://${HOST}:${origin.port}/`)
    const hello = await clientGate.next('TS_SSL_CLIENT_HELLO_HOOK')
    await sleep(50)
    t.equal(origin.connections, 0)
    hello.reenable()
    const verify = await gate.parked()
    t.equal(clientGate.of('TS_SSL_CERT_HOOK').length, 0)
    verify.reenable()
    const certificate = await clientGate.next('TS_SSL_CERT_HOOK')
    await sleep(50)
    certificate.reenable()
    t.match((await answered).stdout, /hello from/)
  })

  test(`TLS ${tls}: the time for the origin's verdict is not the client's`, async t => {
    const clientGate = new HookGate({ TS_SSL_CERT_HOOK: ({ reenable }) => later(reenable) })
    const { browse } = await start(t, {
      clientGates: [clientGate],
      answer: ({ reenable }) => setTimeout(reenable, 1300),
      records: { 'proxy.config.ssl.handshake_timeout_in': 1 },
    })
    const origin = await httpsOrigin(t, HOST)
    t.match((await browse(...FLAGS[tls], `https://${HOST}:${origin.port}/`)).stdout, /hello from/)
  })

  test(`TLS ${tls}: a plugin that is silent until the end of the client's time refuses`, async t => {
    const clientGate = new HookGate({ TS_SSL_CERT_HOOK: () => {} })
    const { proxy } = await start(t, {
      clientGates: [clientGate],
      records: { 'proxy.config.ssl.handshake_timeout_in': 1 },
    })
    const origin = await httpsOrigin(t, HOST)
    const client = await startSClient({ ...throughProxy(proxy.port, HOST, origin.port), tls })
    t.equal((await client.result()).alert, 40)
  })

  test(`TLS ${tls}: a refusal is an alert, and the origin sees no connection`, async t => {
    const clientGate = new HookGate({
      TS_SSL_CLIENT_HELLO_HOOK: ({ reenable }) => later(() => reenable(reject('policy', 'not you'))),
    })
    const { proxy } = await start(t, { clientGates: [clientGate] })
    const origin = await httpsOrigin(t, HOST)
    const client = await startSClient({ ...throughProxy(proxy.port, HOST, origin.port), tls })
    t.equal((await client.result()).alert, 49)
    t.equal(origin.connections, 0)
    await proxy.until(/refused or cut: PTC_CLIENT_REFUSED: plugin gate refused .*not you/)
  })

  test(`TLS ${tls}: a plugin may show another certificate than the minted one`, async t => {
    const clientGate = new HookGate({
      TS_SSL_CERT_HOOK: ({ use, reenable }) =>
        later(() => {
          use({ cert: given.chainPem, key: given.keyPem })
          reenable()
        }),
    })
    const { curl } = await start(t, { clientGates: [clientGate] })
    const origin = await httpsOrigin(t, HOST)
    const { code, stdout } = await curl(...FLAGS[tls], `https://${HOST}:${origin.port}/`)
    t.equal(code, 0, 'trusted for the root that has not minted it')
    t.match(stdout, /hello from/)
  })

  test(`TLS ${tls}: a client that leaves while held frees everything`, async t => {
    const hello = new HookGate({ TS_SSL_CLIENT_HELLO_HOOK: () => {}, TS_VCONN_CLOSE_HOOK: () => {} })
    const atHello = await start(t, { clientGates: [hello] })
    const first = await atHello.ask(
      `${HOST}:1`,
      await realHello({ servername: HOST, maxVersion: `TLSv${tls}` }),
    )
    const event = await hello.next('TS_SSL_CLIENT_HELLO_HOOK')
    first.stop()
    await hello.next('TS_VCONN_CLOSE_HOOK')
    await atHello.gate.until(() => event.signal.aborted || undefined, 'the signal')
    t.equal(event.reenable(), 'ignored')
    await atHello.proxy.stop()
    t.notMatch(atHello.proxy.output(), /refused or cut/, 'who leaves is no news')

    const certificate = new HookGate({ TS_SSL_CERT_HOOK: () => {}, TS_VCONN_CLOSE_HOOK: () => {} })
    const atCertificate = await start(t, { clientGates: [certificate] })
    const origin = await httpsOrigin(t, HOST)
    const target = `${HOST}:${origin.port}`
    const second = await atCertificate.ask(
      target,
      await realHello({ servername: HOST, maxVersion: `TLSv${tls}` }),
    )
    const parked = await certificate.next('TS_SSL_CERT_HOOK')
    second.stop()
    await certificate.next('TS_VCONN_CLOSE_HOOK')
    t.ok(parked.signal.aborted)
    await atCertificate.proxy.stop()
    t.same(natives(), { 'scratch BIO': 1 }, 'nothing native is left')
  })

  test(`TLS ${tls}: the certificate of a client`, async t => {
    const dir = makeTempDir()
    t.teardown(dir.remove)
    const root = await testRoot()
    const mine = await root.issue({ cn: 'client.example', eku: ['clientAuth'] })
    const cert = dir.file('mine.pem', mine.certPem + mine.keyPem)
    const verdicts = [undefined, reject('revoked')]
    const clientGate = new HookGate({
      TS_SSL_VERIFY_CLIENT_HOOK: ({ reenable }, count) => later(() => reenable(verdicts[count - 1])),
    })
    const { browse } = await start(t, {
      clientGates: [clientGate],
      files: { 'root.pem': root.certPem },
      records: {
        'proxy.config.ssl.bump.client.certification_level': 2,
        'proxy.config.ssl.CA.cert.filename': 'root.pem',
      },
    })
    const origin = await httpsOrigin(t, HOST)
    const url = `https://${HOST}:${origin.port}/`
    t.not((await browse(...FLAGS[tls], url)).code, 0, 'one must be shown')
    t.equal(clientGate.called.length, 0)
    t.match((await browse(...FLAGS[tls], '--cert', cert, url)).stdout, /hello from/)
    t.match(
      clientGate.of('TS_SSL_VERIFY_CLIENT_HOOK')[0]?.chain.map(({ subject }) => subject),
      [/CN=client\.example/],
    )
    t.not((await browse(...FLAGS[tls], '--cert', cert, url)).code, 0, 'rejected')
  })
}
