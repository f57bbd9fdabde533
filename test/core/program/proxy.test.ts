import { once } from 'node:events'
import { readdirSync, readFileSync, truncateSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { ProxyServer } from '../../../core/program/proxy.js'
import { get, rawClient, requestText } from '../../kit/client.js'
import { GATE_MODULE, Gate } from '../../kit/gate.js'
import { liveHandshakes } from '../../kit/handshakes.js'
import { type NodeOrigin, nodeOrigin } from '../../kit/node-origin.js'
import { makeAuthority } from '../../kit/pki.js'
import { makeConfDir, type ProxyConf, placeFor, startProxyHere } from '../../kit/proxy.js'
import { listen } from '../../kit/tcp-server.js'
import { poll, within } from '../../kit/watch.js'

const HOST = 'held.test'

interface Stage {
  readonly origin: NodeOrigin
  readonly url: string
  readonly conf: ProxyConf
}

async function setUp(t: Test, ...gates: Gate[]): Promise<Stage> {
  const root = await makeAuthority({ name: 'Root' })
  const origin = await nodeOrigin({ tls: await root.issue({ cn: HOST }) })
  t.teardown(origin.stop)
  for (const gate of gates) t.teardown(() => gate.stop())
  const conf: ProxyConf = {
    plugins: gates.slice(0, 1).map(({ line }) => line),
    modules: GATE_MODULE,
    hosts: [HOST],
    ca: root.certPem,
  }
  return { origin, url: `https://${HOST}:${origin.port}/`, conf }
}

const PORTS = 'proxy.config.http.server_ports'

test('every port of the record is open, in its order', async t => {
  const { conf, url } = await setUp(t, new Gate(({ reenable }) => void reenable()))
  const proxy = await startProxyHere({
    ...conf,
    records: { [PORTS]: '0:ip-in=127.0.0.1 0:ip-in=127.0.0.2' },
  })
  t.teardown(proxy.stop)
  t.same(
    proxy.server.ports.map(({ address }) => address),
    ['127.0.0.1', '127.0.0.2'],
  )
  t.equal((await get(proxy.port, url)).status, 200)
  const client = await rawClient(proxy.server.ports[1]?.port ?? 0, '127.0.0.2')
  t.teardown(client.stop)
  client.send(requestText(url))
  t.equal((await client.response()).status, 200)
})

test('a start that fails leaves nothing open', async t => {
  const taken = await listen(socket => socket.destroy())
  t.teardown(taken.stop)
  const gate = new Gate()
  const { conf } = await setUp(t, gate)
  const other = await listen(() => undefined)
  await other.stop()
  const ports = `${other.port}:ip-in=127.0.0.1 ${taken.port}:ip-in=127.0.0.1`
  await t.rejects(startProxyHere({ ...conf, records: { [PORTS]: ports } }), {
    code: 'PTC_PORT_UNAVAILABLE',
    message: `127.0.0.1:${taken.port} (EADDRINUSE)`,
  })
  t.ok(gate.isUnloaded, 'the plugins are unloaded')
  t.equal(liveHandshakes(), 0, 'nothing native is left')
  const socket = connect(other.port, '127.0.0.1')
  const refused = await new Promise(resolve => socket.on('error', resolve).on('connect', resolve))
  t.match(refused, { code: 'ECONNREFUSED' }, 'the first port is closed again')
  socket.destroy()
})

test('stop ends what is parked once its patience is over', async t => {
  const gate = new Gate()
  const { conf, url, origin } = await setUp(t, gate)
  const proxy = await startProxyHere(conf)
  t.teardown(() => proxy.conf.remove())
  const client = await rawClient(proxy.port)
  t.teardown(client.stop)
  client.send(requestText(url))
  const event = await gate.parked()
  const stopped = proxy.server.stop(100)
  await client.ended()
  await within(stopped, 'the stop')
  t.ok(event.signal.aborted)
  t.equal(event.reenable(), 'ignored')
  t.ok(gate.isUnloaded)
  t.equal(liveHandshakes(), 0, 'nothing native is left')
  t.equal(origin.handshakes.length, 0)
})

test('a process that stops writes its log, and does not roll it: another may do that already', async t => {
  const LOG = 'access.log'
  for (const isStopping of [false, true]) {
    const gate = new Gate()
    const { conf, url } = await setUp(t, gate)
    const dir = t.testdir({})
    const file = join(dir, LOG)
    const records = {
      'proxy.config.log.logging_enabled': 3,
      'proxy.config.log.logfile_dir': dir,
      'proxy.config.log.filename': LOG,
      'proxy.config.log.rolling_enabled': 2,
      'proxy.config.log.rolling_size_mb': 10,
    } as const
    const proxy = await startProxyHere({ ...conf, records })
    t.teardown(() => proxy.conf.remove())
    const clients = [await rawClient(proxy.port), await rawClient(proxy.port)] as const
    for (const client of clients) {
      t.teardown(client.stop)
      client.send(requestText(url))
    }
    const events = [await gate.parked(0), await gate.parked(1)] as const
    const stopped = isStopping ? proxy.server.stop(60_000) : undefined
    const linesIn = (name: string) =>
      readFileSync(join(dir, name), 'latin1').match(/ TCP_MISS\/200 .*\n/g) ?? []
    const lines = () => readdirSync(dir).flatMap(linesIn).length
    // From now on the next line makes the file too large.
    truncateSync(file, 11 * 2 ** 20)
    proxy.server.reopenLogs()
    for (const [i, event] of events.entries()) {
      event.reenable()
      await poll(() => lines() === i + 1 || undefined, 'line')
    }
    for (const client of clients) client.stop()
    await within(stopped ?? proxy.server.stop(60_000), 'the stop', 60_000)
    t.equal(readdirSync(dir).length, isStopping ? 1 : 2, isStopping ? 'stops' : 'serves')
    t.equal(lines(), 2)
  }
})

test('stop waits for a running request, and takes no new clients', async t => {
  const gate = new Gate()
  const { conf, url } = await setUp(t, gate)
  const proxy = await startProxyHere(conf)
  t.teardown(() => proxy.conf.remove())
  const client = await rawClient(proxy.port)
  t.teardown(client.stop)
  client.send(requestText(url))
  const event = await gate.parked()
  const stopped = proxy.server.stop(10_000)
  await t.rejects(rawClient(proxy.port), { code: 'ECONNREFUSED' })
  event.reenable()
  t.equal((await client.response()).status, 200)
  await within(stopped, 'the stop', 3000)
  await client.ended()
  t.pass('and ends its connection, which would have been kept otherwise')
  t.equal(liveHandshakes(), 0)
})

test('a stop discards generations that are retiring', async t => {
  const [old, fresh] = [new Gate(), new Gate()]
  const { conf, url } = await setUp(t, old, fresh)
  const proxy = await startProxyHere(conf)
  t.teardown(() => proxy.conf.remove())
  const client = await rawClient(proxy.port)
  t.teardown(client.stop)
  client.send(requestText(url))
  await old.parked()
  proxy.conf.write({ ...conf, plugins: [fresh.line] })
  await proxy.server.reload()
  await proxy.server.stop(0)
  t.ok(old.isUnloaded, 'the old plugins are unloaded')
  t.ok(fresh.isUnloaded, 'and so are the new ones')
  t.equal(liveHandshakes(), 0, 'nothing native is left')
})

test('reloads that overlap happen one after another', async t => {
  const gate = new Gate()
  const { conf } = await setUp(t, gate)
  const proxy = await startProxyHere(conf)
  t.teardown(() => proxy.conf.remove())
  await Promise.all([1, 2, 3].map(() => proxy.server.reload()))
  await gate.until(() => gate.unloads === 3 || undefined, 'the old ones to be unloaded')
  t.equal(gate.loads, 4)
  proxy.conf.write({ ...conf, plugins: ['missing'] })
  await t.rejects(proxy.server.reload(), { code: 'PTC_PLUGIN_NOT_FOUND' })
  proxy.conf.write(conf)
  await proxy.server.reload()
  t.equal(gate.loads, 5, 'one that fails does not stand in the way')
  await proxy.server.stop(0)
  t.ok(gate.isUnloaded, 'every generation was discarded')
  t.equal(liveHandshakes(), 0, 'nothing native is left')
})

test('a reload that is overtaken by the stop', async t => {
  const [old, fresh] = [new Gate(), new Gate()]
  const { conf } = await setUp(t, old, fresh)
  const proxy = await startProxyHere(conf)
  t.teardown(() => proxy.conf.remove())
  const slow = { 'slow.mjs': 'export default () => new Promise(resolve => setTimeout(resolve, 100))' }
  proxy.conf.write({ ...conf, plugins: [fresh.line, 'slow'], modules: { ...GATE_MODULE, ...slow } })
  const reload = proxy.server.reload()
  await fresh.until(() => fresh.loads || undefined, 'the reload to be under way')
  await proxy.server.stop(0)
  await reload
  t.ok(old.isUnloaded)
  t.ok(fresh.isUnloaded, 'the new plugins are unloaded as soon as they are there')
  t.equal(liveHandshakes(), 0, 'nothing native is left')
  await proxy.server.reload()
  t.equal(fresh.loads, 1, 'and nothing is loaded any more')
})

test('stop cuts no response short that is on its way to a slow client', async t => {
  const gate = new Gate(({ reenable }) => void reenable())
  const { conf, url } = await setUp(t, gate)
  const proxy = await startProxyHere(conf)
  t.teardown(() => proxy.conf.remove())
  const size = 8_000_000
  const slow = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => slow.destroy())
  let received = 0
  slow.on('data', bytes => {
    received += bytes.length
  })
  slow.pause()
  slow.write(requestText(`${url}bytes/${size}`))
  await gate.until(() => gate.sent[0], 'the request to be sent')
  await sleep(300) // for as much as fits into the buffers between
  const stopped = proxy.server.stop(10_000)
  await sleep(100)
  t.ok(received < size, 'the client has not taken it yet')
  slow.resume()
  await within(once(slow, 'end'), 'the end')
  slow.end()
  await within(stopped, 'the stop')
  t.ok(received > size, 'it comes to the last byte')
})

test('a configuration folder that is not there', async t => {
  const conf = makeConfDir()
  conf.remove()
  await t.rejects(ProxyServer.start(placeFor(conf.path, () => undefined)), {
    code: 'PTC_CONFIG_MISSING',
    message: conf.path,
  })
})
