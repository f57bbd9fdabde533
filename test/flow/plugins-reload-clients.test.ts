/** A reload while a plugin holds a client: the plugin is unloaded when the client has its answer, and not before. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { get } from '../kit/client.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from '../kit/proxy.js'
import { sClient } from '../kit/s-client.js'
import { HELLO, origin, REQUEST, SECURE_FILES } from '../kit/secure-proxy.js'
import { makeTempDir } from '../kit/temp-dir.js'

/** Milliseconds: longer than a retired generation needs to end when nothing holds it. */
const HELD = 350

const HOLDING = `
import { existsSync } from 'node:fs'
export default ({ argv, hookAdd, note, schedule, signal }) => {
  signal.addEventListener('abort', () => note('unloaded'))
  hookAdd(argv[1], ({ reenable }) => {
    note('holds')
    // A timer of the plugin: it ends with the plugin.
    const answer = () => existsSync(argv[2]) ? note('answers: ' + reenable()) : schedule(answer, 20)
    answer()
  })
}
`

/** @param release the file whose existence ends the hold */
async function start(t: Test, hook: string, release: string): Promise<{ proxy: ProxyHere; conf: ProxyConf }> {
  const conf: ProxyConf = {
    hosts: ['origin.example'],
    files: SECURE_FILES,
    records: { 'proxy.config.http.server_ports': '0:ip-in=127.0.0.1 0:ssl:ip-in=127.0.0.1' },
  }
  const proxy = await startProxyHere({
    ...conf,
    plugins: [`holding.mjs ${hook} ${release}`],
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
    const dir = makeTempDir()
    t.teardown(dir.remove)
    const { proxy, conf } = await start(t, hook, `${dir.path}/release`)
    const [plain, secure] = proxy.server.ports
    const answer = hook.startsWith('TS_SSL')
      ? sClient({ port: secure?.port ?? 0, servername: 'proxy.example', request: REQUEST }).then(
          ({ body }) => body,
        )
      : get(plain?.port ?? 0, `http://origin.example:${origin.port}/`).then(({ body }) => `${body}`.trim())
    await proxy.until(/holds/)
    proxy.conf.write(conf)
    await proxy.server.reload()
    await sleep(HELD)
    t.notMatch(proxy.output(), /unloaded/, 'it is loaded as long as it holds a client')
    dir.file('release', '')
    t.equal(await answer, HELLO, 'the held client goes on')
    await proxy.until(/answers: counted/)
    await proxy.until(/unloaded/)
  })
