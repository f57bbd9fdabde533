/**
 * OpenResty's tests of proxy_ssl_verify_by_lua (t/169-proxy-ssl-verify.t), told again: what a plugin may do while it
 * decides, without parking and parked, in the proxy's thread and in a worker. What it does is the host's first label.
 */
import { type Test, test } from 'tap'
import { get, rawClient, requestText } from '../kit/client.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { startProxyHere } from '../kit/proxy.js'
import { listen } from '../kit/tcp-server.js'

const PLUGIN = `
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
export default ({ argv, hookAdd, accept, reject, note, schedule }) => {
  const ask = () => new Promise((resolve, reject) => {
    const socket = connect(Number(argv[1]), '127.0.0.1', () => socket.write('well?'))
    socket.once('data', data => { resolve(String(data)); socket.destroy() }).once('error', reject)
  })
  const doings = {
    'returns': ({ reenable }) => reenable(),
    'sleeps': async ({ reenable }) => { await sleep(50); reenable() },
    'timer': ({ reenable }) => { setTimeout(reenable, 50) },
    'scheduled': event => event.schedule(event.reenable, 50),
    'plugin-timer': ({ reenable }) => schedule(() => reenable(), 50),
    'socket': async ({ reenable }) => { if (await ask() === 'yes') reenable() },
    'threads': async ({ reenable }) => { await Promise.all([sleep(30), sleep(50), ask()]); reenable() },
    'killed': async ({ reenable, signal }) => { await Promise.race([sleep(30), sleep(60_000, 0, { signal, ref: false })]); reenable() },
    'microtask': ({ reenable }) => Promise.resolve().then(() => reenable()),
    'exit-ok': ({ reenable }) => reenable(accept()),
    'exit-ok-parked': async ({ reenable }) => { await sleep(20); reenable(accept()) },
    'exit-error': ({ reenable }) => reenable(reject('policy', 'exit')),
    'exit-error-parked': async ({ reenable }) => { await sleep(20); reenable(reject('policy', 'exit')) },
    'throws': () => { throw new Error('bad luck') },
    'throws-parked': async () => { await sleep(20); throw new Error('bad luck') },
    'throws-in-timer': event => event.schedule(() => { throw new Error('bad luck') }, 20),
    'throws-later': async ({ reenable }) => { reenable(); throw new Error('after the answer') },
    'error-then-ok': ({ reenable }) => { reenable(reject('policy', 'exit')); reenable() },
    'aborted': ({ signal, vconn }) => { note('parked'); signal.addEventListener('abort', () => note('aborted')) },
  }
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => doings[event.host.split('.')[0]](event))
}
`

const ACCEPTS = [
  ...['returns', 'sleeps', 'timer', 'scheduled', 'plugin-timer', 'socket', 'threads', 'killed', 'microtask'],
  ...['exit-ok', 'exit-ok-parked', 'throws-later'],
]
const REJECTS: Readonly<Record<string, RegExp>> = {
  'exit-error': /rejected by plugin lua \(X509_V_ERR_CERT_REJECTED 28\): exit/,
  'exit-error-parked': /rejected by plugin lua \(X509_V_ERR_CERT_REJECTED 28\): exit/,
  'error-then-ok': /rejected by plugin lua \(X509_V_ERR_CERT_REJECTED 28\): exit/,
  throws: /plugin lua, which failed .*: bad luck/,
  'throws-parked': /plugin lua, which failed .*: bad luck/,
  'throws-in-timer': /plugin lua, which failed .*: bad luck/,
}
const HOSTS = [...ACCEPTS, ...Object.keys(REJECTS), 'aborted'].map(what => `${what}.test`)

async function setUp(t: Test, options: string) {
  const root = await makeAuthority({ name: 'Root' })
  const origin = await nodeOrigin({ tls: await root.issue({ cn: 'lua.test', sans: HOSTS }) })
  t.teardown(origin.stop)
  const service = await listen(socket => socket.once('data', () => socket.end('yes')))
  t.teardown(service.stop)
  const proxy = await startProxyHere({
    plugins: [`lua.mjs ${options} ${service.port}`],
    modules: { 'lua.mjs': PLUGIN },
    hosts: HOSTS,
    ca: root.certPem,
  })
  t.teardown(proxy.stop)
  return { proxy, origin, url: (what: string) => `https://${what}.test:${origin.port}/` }
}

for (const options of ['', '@isolate=worker']) {
  test(options === '' ? 'in the proxy’s thread' : 'in a worker', async t => {
    const { proxy, origin, url } = await setUp(t, options)
    for (const what of ACCEPTS) t.equal((await get(proxy.port, url(what))).status, 200, what)
    for (const [what, text] of Object.entries(REJECTS)) {
      const { status, body } = await get(proxy.port, url(what))
      t.equal(status, 502, what)
      t.match(body.toString(), text, what)
    }
    await proxy.until(/lua.* after the answer/)
    await proxy.until(/plugin lua reenabled the handshake with error-then-ok\.test a second time/)

    const open = origin.openConnections
    const client = await rawClient(proxy.port)
    client.send(requestText(url('aborted')))
    await proxy.until(/\[lua] parked/)
    client.stop()
    await proxy.until(/\[lua] aborted/)
    await origin.until(() => (origin.openConnections <= open ? true : undefined), 'the origin to be left')
    t.equal(
      origin.failures.filter(code => /ALERT/.test(code)).length,
      Object.keys(REJECTS).length,
      'an alert for each rejection, none for who left',
    )
  })
}
