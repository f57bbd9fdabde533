/** A reload while plugins in shadow mode have not answered: no client waits for them, and they keep their time. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { getOn, rawClient, tlsClient } from '../kit/client.js'
import { httpsOrigin, testRoot } from '../kit/connecting.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from '../kit/proxy.js'
import { root, SECURE_FILES } from '../kit/secure-proxy.js'

const HOST = 'origin.example'
/** Longer than it takes to discard a generation of which nothing is in flight. */
const THINKS = 900

const THINKING = `
export default ({ argv, hookAdd, note, reject, schedule, signal }) => {
  signal.addEventListener('abort', () => note('unloaded'))
  hookAdd(argv[1], ({ reenable }) => {
    note('thinks')
    if (argv[2] === 'on') schedule(() => note('answers: ' + reenable(reject('policy', 'on trial'))), ${THINKS})
  })
}
`

/** A client that has been served and stays, and a reload that takes the plugin away. */
async function reloaded(t: Test, line: string): Promise<ProxyHere> {
  const origin = await httpsOrigin(t, HOST)
  const conf: ProxyConf = {
    hosts: [HOST],
    ca: (await testRoot()).certPem,
    files: SECURE_FILES,
    records: { 'proxy.config.http.server_ports': '0:ip-in=127.0.0.1 0:ssl:ip-in=127.0.0.1' },
  }
  const proxy = await startProxyHere({ ...conf, plugins: [line], modules: { 'thinking.mjs': THINKING } })
  t.teardown(proxy.stop)
  const [plain, secure] = proxy.server.ports
  const client = line.includes('TS_SSL_C')
    ? await tlsClient(secure?.port ?? 0, { servername: 'proxy.example', ca: root.certPem })
    : await rawClient(plain?.port ?? 0)
  t.teardown(client.stop)
  t.equal((await getOn(client, `https://${HOST}:${origin.port}/`)).status, 200, 'nobody waits for it')
  await proxy.until(/thinks/)
  proxy.conf.write(conf)
  await proxy.server.reload()
  return proxy
}

for (const hook of [
  'TS_SSL_CERT_VERIFY_HOOK',
  'TS_SSL_CLIENT_HELLO_HOOK',
  'TS_SSL_CERT_HOOK',
  'TS_VCONN_START_HOOK',
  'TS_VCONN_OUTBOUND_START_HOOK',
])
  test(`a reload while ${hook} is thought about`, async t => {
    const proxy = await reloaded(t, `thinking.mjs @mode=shadow ${hook} on`)
    await sleep(THINKS / 2)
    t.notMatch(proxy.output(), /unloaded/, 'it is loaded until its turn is over')
    await proxy.until(/answers: counted/)
    await proxy.until(/unloaded/)
    t.match(proxy.output(), /would have rejected \S+.*: policy, on trial/, 'what it says counts')
  })

test('a shadow plugin that stays silent keeps its generation until its deadline', async t => {
  for (const hook of ['TS_SSL_CERT_VERIFY_HOOK', 'TS_SSL_CLIENT_HELLO_HOOK', 'TS_VCONN_START_HOOK']) {
    const proxy = await reloaded(t, `thinking.mjs @mode=shadow @deadline=600 ${hook}`)
    const [text] = await proxy.until(/[\s\S]*unloaded/)
    t.match(text, /would have rejected \S+.*: it did not answer in time/, hook)
  }
})

test('a stop of the proxy does not wait for a shadow plugin', async t => {
  const proxy = await reloaded(t, 'thinking.mjs @mode=shadow @deadline=20000 TS_HTTP_READ_REQUEST_HDR_HOOK')
  const begin = performance.now()
  await proxy.server.stop(0)
  t.ok(performance.now() - begin < 10_000, 'half of its deadline')
})
