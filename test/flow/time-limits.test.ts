/** Page, Proxy-Status and log name the plugin that held too long, and the setting that ended the wait. */
import { type Test, test } from 'tap'
import { get, rawClient, requestText } from '../kit/client.js'
import { httpsOrigin, testRoot } from '../kit/connecting.js'
import { type NodeOrigin, nodeOrigin } from '../kit/node-origin.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from '../kit/proxy.js'

const HOST = 'origin.example'
const SILENT = `export default ({ argv, hookAdd }) => hookAdd(argv[1], () => {})`
/** A plugin that asks a service, in the way of the guide. */
const ASKING = `
import { setTimeout as sleep } from 'node:timers/promises'
export default ({ argv, hookAdd, note }) => {
  hookAdd(argv[1], async ({ signal, reenable }) => {
    note('asks')
    if (argv[2] === 'sleeps') await sleep(30_000, undefined, { signal })
    else await fetch(argv[2], { signal })
    reenable()
  }, { coalesce: argv[3] === 'coalesced' })
}
`

async function start(t: Test, conf: ProxyConf): Promise<{ proxy: ProxyHere; origin: NodeOrigin }> {
  const origin = await httpsOrigin(t, HOST)
  const proxy = await startProxyHere({
    ca: (await testRoot()).certPem,
    hosts: [HOST],
    modules: { 'silent.mjs': SILENT, 'asking.mjs': ASKING },
    ...conf,
    records: { 'proxy.config.http.origin_max_idle': 0, ...conf.records },
  })
  t.teardown(proxy.stop)
  return { proxy, origin }
}

const DEBUG = { 'proxy.config.diags.debug.enabled': 1, 'proxy.config.diags.debug.tags': 'plugin' } as const
const CERTIFICATE = 'TS_SSL_CERT_VERIFY_HOOK'
const REQUEST = 'TS_HTTP_READ_REQUEST_HDR_HOOK'
const RULE = { 'sni.yaml': `sni:\n  - fqdn: ${HOST}\n    verify_deadline_ms: 100\n` }
const CASES: readonly (readonly [string, string, ProxyConf, RegExp])[] = [
  ['@deadline', `@deadline=100 ${CERTIFICATE}`, {}, /@deadline of its line in plugin\.config/],
  ['@deadline', `@deadline=100 ${REQUEST}`, {}, /@deadline of its line in plugin\.config/],
  [
    'the record',
    CERTIFICATE,
    { records: { 'proxy.config.ssl.client.verify.deadline': 100 } },
    /proxy\.config\.ssl\.client\.verify\.deadline/,
  ],
  [
    'the record',
    REQUEST,
    { records: { 'proxy.config.plugin.deadline': 100 } },
    /proxy\.config\.plugin\.deadline/,
  ],
  ['a rule', CERTIFICATE, { files: RULE }, /verify_deadline_ms of the rule for origin\.example/],
]

for (const [limit, line, conf, named] of CASES)
  test(`a 504 names the plugin and what limits its time: ${limit}, ${line}`, async t => {
    const { proxy, origin } = await start(t, { ...conf, plugins: [`silent.mjs ${line}`] })
    const answer = await get(proxy.port, `https://${HOST}:${origin.port}/`)
    t.equal(answer.status, 504)
    for (const text of [answer.body.toString(), answer.header('proxy-status') ?? '']) {
      t.match(text, named)
      t.match(text, /silent/)
    }
    await proxy.until(new RegExp(`WARNING: .*silent.*${named.source}|WARNING: .*${named.source}.*silent`))
  })

test('the start says of every @deadline that has no effect what counts', async t => {
  const { proxy } = await start(t, {
    files: RULE,
    plugins: [
      `silent.mjs @deadline=60000 @late=builtin ${CERTIFICATE}`,
      `silent.mjs @deadline=29999 ${REQUEST}`,
      `silent.mjs @deadline=40000 ${REQUEST}`,
      'silent.mjs @deadline=90000 TS_SSL_CLIENT_HELLO_HOOK',
    ],
  })
  const warned = proxy
    .output()
    .split('\n')
    .flatMap(text => /WARNING: (plugin\.config:\d+: @deadline.*)/.exec(text)?.[1] ?? [])
  t.same(
    warned.map(text => text.replace(/ of plugin silent has no effect/, '')),
    [
      'plugin.config:1: @deadline=60000: proxy.config.ssl.client.verify.deadline, 30000 ms, ends its waits before, with a rejection: @late=builtin has no effect',
      `plugin.config:1: @deadline=60000: verify_deadline_ms of the rule for ${HOST}, 100 ms, ends its waits before, with a rejection: @late=builtin has no effect`,
      'plugin.config:4: @deadline=90000: proxy.config.ssl.handshake_timeout_in, 30000 ms, ends its waits before',
      'plugin.config:3: @deadline=40000: proxy.config.plugin.deadline, 30000 ms, ends its waits before',
    ],
  )
})

for (const isolate of ['', '@isolate=worker'])
  for (const hook of [CERTIFICATE, REQUEST])
    for (const how of ['fetch', 'sleeps', 'fetch coalesced'])
      test(`a client that leaves while ${hook} waits is no failure of the plugin: ${how} ${isolate}`, async t => {
        const service = await nodeOrigin()
        t.teardown(service.stop)
        const words = how.replace('fetch', `http://127.0.0.1:${service.port}/hang`)
        const plugins = [`asking.mjs ${isolate} ${hook} ${words}`]
        const { proxy, origin } = await start(t, { plugins, records: DEBUG })
        const client = await rawClient(proxy.port)
        client.send(requestText(`https://${HOST}:${origin.port}/`))
        await proxy.until(/asks/)
        if (how !== 'sleeps') await service.until(() => service.requests[0], 'the question')
        client.stop()
        await proxy.until(/DIAG: \(plugin\) plugin asking gave up on .*nothing waited for it any more/)
        t.notMatch(proxy.output(), /ERROR/)
      })
