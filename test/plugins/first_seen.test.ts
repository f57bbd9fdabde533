import { test } from 'tap'
import { tell } from '../../core/hooks/ask.js'
import { ProxyVConn } from '../../core/vconn/vconn.js'
import { loadSample } from './kit.js'

const ENDS = { remoteAddress: '192.0.2.1:443', localAddress: '192.0.2.2:50000' }
const unexpected = (_: unknown, cause: unknown): never => {
  throw cause
}

test('first_seen', async t => {
  const { set, log } = await loadSample(t, 'first_seen.so')
  const { registry } = set

  t.test('keeps the moment on the connection, and tells its age at the end', async t => {
    const inbound = new ProxyVConn('inbound', ENDS, vconn =>
      tell(registry.on('TS_VCONN_CLOSE_HOOK'), vconn, unexpected),
    )
    const outbound = new ProxyVConn('outbound', ENDS, vconn =>
      tell(registry.on('TS_VCONN_OUTBOUND_CLOSE_HOOK'), vconn, unexpected),
    )
    tell(registry.on('TS_VCONN_START_HOOK'), inbound.shown, unexpected)
    tell(registry.on('TS_VCONN_OUTBOUND_START_HOOK'), outbound.shown, unexpected)
    t.type(inbound.shown.args.first_seen?.at, 'number')
    outbound.close()
    inbound.close()
    t.match(
      log[0],
      new RegExp(`^DEBUG first_seen vc=${outbound.shown.id} outbound 192\\.0\\.2\\.1:443 closed: \\d+ ms$`),
    )
    t.match(log[1], new RegExp(`^DEBUG first_seen vc=${inbound.shown.id} inbound .* closed: \\d+ ms$`))
    t.strictSame(Object.keys(inbound.shown.args), [], 'and nothing is left on it')
  })

  t.test('says so of a connection that is older than the plugin', async t => {
    const vconn = new ProxyVConn('inbound', ENDS, () => undefined)
    tell(registry.on('TS_VCONN_CLOSE_HOOK'), vconn.shown, unexpected)
    t.match(log.at(-1), /opened before this plugin$/)
  })

  t.test('takes no arguments', async t => {
    await t.rejects(loadSample(t, 'first_seen.so', 'x'), { code: 'PTC_PLUGIN_INIT_FAILED', message: /'x'/ })
  })
})
