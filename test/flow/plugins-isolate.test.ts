/** Plugins in worker threads, over real sockets: the same API. */
import { test } from 'tap'
import { rawClient, requestText } from '../kit/client.js'
import { isolatedStage as setUp } from '../kit/isolated.js'
import { type ProxyConf, type ProxyHere, startProxy, startProxyHere } from '../kit/proxy.js'

test('plugins have the same API in workers', async t => {
  const { proxy, origin, get } = await setUp(t)
  t.match(proxy.output(), /NOTE: \[isolated] loaded with one,two/)
  await proxy.until(/ERROR: \[isolated] an error line/)
  await proxy.until(/NOTE: \[isolated] scheduled/)

  t.equal((await get('ok')).status, 200)
  await proxy.until(/sent GET https:\/\/ok\.test/)
  await proxy.until(/NOTE: \[isolated] args ok\.test:\d+/)
  t.equal(origin.requests[0]?.headers['x-isolated'], 'yes')
  await proxy.until(/NOTE: \[isolated] closed true/)

  const closed = await get('closed')
  t.equal(closed.status, 502)
  t.match(closed.body.toString(), /plugin isolated refused the connection: policy, not there/)
  const no = await get('no')
  t.equal(no.status, 502)
  t.match(no.body.toString(), /rejected by plugin isolated \(X509_V_ERR_CERT_REVOKED 23\): on a list/)
  t.match((await get('junk')).body.toString(), /no verdict, but a string/)
  t.match((await get('throws')).body.toString(), /plugin isolated, which failed .*: oops/)
  t.match((await get('rejects')).body.toString(), /plugin isolated, which failed .*: later oops/)

  const began = performance.now()
  t.equal((await get('slow')).status, 200)
  t.ok(performance.now() - began >= 195, 'schedule')

  t.equal((await get('twice')).status, 502)
  await proxy.until(/plugin isolated reenabled the handshake with twice\.test a second time/)

  t.equal((await get('evidence')).status, 200)
  const [, text = ''] = await proxy.until(/evidence (\{.*\})/)
  const { vconn, sha256, cn: _cn, ...rest } = JSON.parse(text)
  t.match(vconn, { direction: 'outbound', remoteAddress: `127.0.0.1:${origin.port}` })
  t.match(sha256, /^[0-9a-f]{64}$/)
  t.same(rest, {
    port: true,
    time: true,
    sni: 'evidence.test',
    subject: '/CN=ok.test',
    issuer: '/O=Portcullis Test/CN=Root',
    pem: '-----BEGIN CERTIFICATE-----',
    der: true,
    isBuffer: true,
    same: true,
    sent: 1,
    built: 2,
    ok: true,
    name: true,
    protocol: 'TLSv1.3',
    cipher: 'TLS_AES_256_GCM_SHA384',
    args: true,
  })
})

test('a plugin in a worker is told that its client has left', async t => {
  const { proxy, origin } = await setUp(t)
  const client = await rawClient(proxy.port)
  client.send(requestText(`https://never.test:${origin.port}/`))
  await proxy.until(/holds never\.test/)
  client.stop()
  await proxy.until(/aborted never\.test/)
  await proxy.until(/closed true/)
})

test('a plugin in a worker that stays silent has rejected', async t => {
  const { proxy, get } = await setUp(t, {}, '@deadline=200')
  t.equal((await get('never')).status, 504)
  await proxy.until(/aborted never\.test/)
})

test('a stop waits for what a plugin in workers writes at its end', async t => {
  const proxy = await startProxy({
    plugins: ['last.mjs @isolate=worker'],
    modules: {
      'last.mjs': `export default ({ signal, note }) => signal.addEventListener('abort', () => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
        note('last words')
      })`,
    },
  })
  t.teardown(proxy.stop)
  proxy.child.kill('SIGTERM')
  t.equal(await proxy.child.exited(), 0)
  t.match(proxy.output(), /(?:last words[\s\S]*){2}/, 'of both workers')
})

test('a start fails if the plugin does not load in its workers', async t => {
  const start = (text: string, records: ProxyConf['records'] = {}): Promise<ProxyHere> =>
    startProxyHere({ plugins: ['bad.mjs @isolate=worker'], modules: { 'bad.mjs': text }, records })
  await t.rejects(start('export default () => { throw new Error("no key") }'), {
    code: 'PTC_PLUGIN_INIT_FAILED',
    message: /plugin\.config:1: plugin bad: init failed: no key \(at .*:\d+:\d+\)$/,
  })
  await t.rejects(start('export default 1'), {
    code: 'PTC_PLUGIN_SHAPE',
    message: /plugin\.config:1: plugin bad: /,
  })
  await t.rejects(start('export default ({ hookAdd }) => hookAdd("TS_NO_HOOK", () => {})'), {
    code: 'PTC_HOOK_UNKNOWN',
    message: /^\S+plugin\.config:1: plugin bad: unknown hook/,
  })
  await t.rejects(start('process.exit(1)'), { code: 'PTC_PLUGIN_WORKER' })
  await t.rejects(start('for (;;);', { 'proxy.config.plugin.init_timeout': 300 }), {
    code: /PTC_PLUGIN_(WORKER|INIT_SLOW)/,
  })
})
