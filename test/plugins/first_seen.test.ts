import { test } from 'tap'
import { openSamples } from './kit.js'

test('first_seen', async t => {
  const kit = await openSamples(t, 'first_seen.so')
  const { log } = kit

  t.test('keeps the moment on the connection, and tells its age at the end', async t => {
    const client = kit.open('inbound')
    const origin = await kit.park({ host: 'a.example' })
    t.type(client.vconn.args.first_seen?.at, 'number')
    t.type(origin.vconn.args.first_seen?.at, 'number')
    origin.leave()
    client.close()
    const [first, second] = log.slice(-2)
    t.match(
      first,
      new RegExp(`^DEBUG first_seen vc=${origin.vconn.id} outbound 192\\.0\\.2\\.1:443 closed: \\d+ ms$`),
    )
    t.match(second, new RegExp(`^DEBUG first_seen vc=${client.vconn.id} inbound .* closed: \\d+ ms$`))
    t.strictSame(Object.keys(client.vconn.args), [], 'and nothing is left on it')
  })

  t.test('says so of a connection that is older than the plugin', async t => {
    const { vconn } = kit.open('inbound')
    delete vconn.args.first_seen
    await kit.tell('TS_VCONN_CLOSE_HOOK', vconn)
    t.match(log.at(-1), /opened before this plugin$/)
  })

  t.test('takes no arguments', async t => {
    const opening = openSamples(t, 'first_seen.so x')
    await t.rejects(opening, { code: 'PTC_PLUGIN_INIT_FAILED', message: /'x'/ })
  })
})
