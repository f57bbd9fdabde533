/** A reload while plugins hold clients: they are unloaded when the last of those has its answer, and not before. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { get } from '../kit/get.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from '../kit/proxy.js'
import { sClient } from '../kit/s-client.js'
import { HELLO, origin, REQUEST, SECURE_FILES } from '../kit/secure-proxy.js'

/** Longer than a retired setup is left alone. */
const HELD = 700

const HOLDING = `
export default ({ argv, hookAdd, note, schedule, signal }) => {
  signal.addEventListener('abort', () => note('unloaded'))
  hookAdd(argv[1], ({ reenable }) => {
    note('holds')
    schedule(() => note('answers: ' + reenable()), ${HELD}) // a timer of the plugin's own: it ends with the plugin
  })
}
`

async function start(t: Test, hook: string): Promise<{ proxy: ProxyHere; conf: ProxyConf }> {
  const conf: ProxyConf = {
    hosts: ['origin.example'],
    files: SECURE_FILES,
    records: { 'proxy.config.http.server_ports': '0:ip-in=127.0.0.1 0:ssl:ip-in=127.0.0.1' },
  }
  const proxy = await startProxyHere({
    ...conf,
    plugins: [`holding.mjs ${hook}`],
    modules: { 'holding.mjs': HOLDING },
  })
  t.teardown(proxy.stop)
  return { proxy, conf }
}

for (const hook of [
  'TS_SSL_CLIENT_HELLO_HOOK',
  'TS_SSL_CERT_HOOK',
  'TS_VCONN_START_HOOK',
  'TS_VCONN_OUTBOUND_START_HOOK',
  'TS_HTTP_READ_REQUEST_HDR_HOOK',
  'TS_HTTP_READ_RESPONSE_HDR_HOOK',
  'TS_HTTP_SEND_REQUEST_HDR_HOOK',
  'TS_HTTP_SEND_RESPONSE_HDR_HOOK',
])
  test(`a reload while ${hook} is held`, async t => {
    const { proxy, conf } = await start(t, hook)
    const [plain, secure] = proxy.server.ports
    const answer = hook.startsWith('TS_SSL')
      ? sClient({ port: secure?.port ?? 0, servername: 'proxy.example', request: REQUEST }).then(
          ({ body }) => body,
        )
      : get(plain?.port ?? 0, `http://origin.example:${origin.port}/`).then(({ body }) => `${body}`.trim())
    await proxy.until(/holds/)
    proxy.conf.write(conf)
    await proxy.server.reload()
    await sleep(HELD / 2)
    t.notMatch(proxy.output(), /unloaded/, 'it is loaded as long as it holds somebody')
    t.equal(await answer, HELLO, 'who was held goes on')
    await proxy.until(/answers: counted/)
    await proxy.until(/unloaded/)
  })

test('at the end', async () => {
  await origin.stop()
})
