/** A reload under parked handshakes: which generation of a plugin answers, and when the old one is gone. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { get } from '../kit/client.js'
import { GATE_MODULE, Gate } from '../kit/gate.js'
import { type NodeOrigin, nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from '../kit/proxy.js'
import { poll } from '../kit/watch.js'

const HOST = 'reloaded.test'

interface Stage {
  readonly proxy: ProxyHere
  readonly origin: NodeOrigin
  readonly conf: ProxyConf
  get(): ReturnType<typeof get>
}

async function setUp(t: Test, plugins: ProxyConf['plugins'], modules: ProxyConf['modules']): Promise<Stage> {
  const root = await makeAuthority({ name: 'Root' })
  const origin = await nodeOrigin({ tls: await root.issue({ cn: HOST }) })
  t.teardown(origin.stop)
  const records = { 'proxy.config.http.origin_max_idle': 0 }
  const conf: ProxyConf = {
    ...(plugins === undefined ? {} : { plugins }),
    ...(modules === undefined ? {} : { modules }),
    hosts: [HOST],
    ca: root.certPem,
    records,
  }
  const proxy = await startProxyHere(conf)
  t.teardown(proxy.stop)
  return { proxy, origin, conf, get: () => get(proxy.port, `https://${HOST}:${origin.port}/`) }
}

test('workers of the old generation end after their last handshake', async t => {
  const text = (generation: string): string => `
import { existsSync } from 'node:fs'
const RELEASE = new URL('./release', import.meta.url)
export default ({ hookAdd, note, signal }) => {
  signal.addEventListener('abort', () => note('the ${generation} is unloaded'))
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => {
    note('the ${generation} is asked')
    const answer = () => existsSync(RELEASE) ? event.reenable() : event.schedule(answer, 20)
    answer()
  })
}
`
  const others = threads() // the test runner's
  const { proxy, get } = await setUp(t, ['old.mjs @isolate=worker'], { 'old.mjs': text('first') })
  t.equal(threads(), others + 2)
  const first = get()
  await proxy.until(/the first is asked/)
  writeFileSync(join(proxy.conf.path, 'plugins', 'old.mjs'), text('second'))
  await proxy.server.reload()
  const second = get()
  await proxy.until(/the second is asked/)
  t.notMatch(proxy.output(), /the first is unloaded/)
  writeFileSync(join(proxy.conf.path, 'plugins', 'release'), '')
  t.equal((await first).status, 200)
  await proxy.until(/(the first is unloaded[\s\S]*){2}/)
  t.equal((await second).status, 200)
  await poll(() => threads() <= others + 2, 'the end of their threads')
  t.equal(threads(), others + 2, 'their threads are gone')
  t.notMatch(proxy.output(), /the second is unloaded/)
})

test('a changed plugin.config: parked handshakes finish on the old chain, new ones use the new', async t => {
  const [old, fresh] = [new Gate(), new Gate()]
  t.teardown(() => [old, fresh].forEach(gate => void gate.stop()))
  const { proxy, conf, get } = await setUp(t, [old.line], GATE_MODULE)
  const [first, second] = [get(), get()]
  const parked = [await old.parked(0), await old.parked(1)]

  proxy.conf.write({ ...conf, plugins: [fresh.line] })
  await proxy.server.reload()
  const third = get()
  const event = await fresh.parked()
  t.equal(old.asked.length, 2, 'the old one is asked no more')
  event.reenable()
  t.equal((await third).status, 200, 'the new one does not wait for what the old one holds')

  t.equal(parked[0]?.reenable(), 'counted')
  t.equal((await first).status, 200)
  await new Promise(resolve => setTimeout(resolve, 600))
  t.equal(old.unloads, 0, 'the old one lives while it holds a handshake')
  t.equal(parked[1]?.signal.aborted, false)
  t.equal(parked[1]?.reenable(), 'counted')
  t.equal((await second).status, 200)
  await old.until(() => (old.isUnloaded ? true : undefined), 'the old plugin to be unloaded')
  t.equal(fresh.unloads, 0)
})

test('a reload loads a plugin anew when its file has changed and its line has not', async t => {
  const text = (status: string): string => `
const loaded = '${status}'
export default ({ hookAdd, reject }) =>
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ reenable }) => reenable(reject('policy', 'by the ' + loaded)))
`
  const { proxy, get } = await setUp(t, ['changes.mjs'], { 'changes.mjs': text('first') })
  t.match((await get()).body.toString(), /by the first/)
  writeFileSync(join(proxy.conf.path, 'plugins', 'changes.mjs'), text('second'))
  t.match((await get()).body.toString(), /by the first/, 'nothing happens before the reload')
  await proxy.server.reload()
  t.match((await get()).body.toString(), /by the second/)
})

const MISTAKES: Readonly<
  Record<string, { plugins: string[]; module?: string; error: { code: string; message: RegExp } }>
> = {
  'a plugin that is not there': {
    plugins: ['', 'nowhere.mjs'],
    error: { code: 'PTC_PLUGIN_NOT_FOUND', message: /plugin\.config:3: plugin nowhere/ },
  },
  'an init that throws': {
    plugins: ['bad.mjs'],
    module: 'export default () => { throw new Error("no key") }',
    error: { code: 'PTC_PLUGIN_INIT_FAILED', message: /plugin\.config:2: plugin bad: init failed: no key/ },
  },
  'one in workers that throws': {
    plugins: ['bad.mjs @isolate=worker'],
    module: 'export default () => { throw new Error("no key") }',
    error: { code: 'PTC_PLUGIN_INIT_FAILED', message: /plugin\.config:2: plugin bad: init failed: no key/ },
  },
  'an option that nobody knows': {
    plugins: ['bad.mjs @mode=ghost'],
    error: { code: 'PTC_PLUGIN_CONFIG_INVALID', message: /plugin\.config:2/ },
  },
}

for (const [what, { plugins, module = '', error }] of Object.entries(MISTAKES)) {
  test(`${what}: the reload fails and says why, the old chain goes on`, async t => {
    const gate = new Gate()
    t.teardown(() => gate.stop())
    const { proxy, conf, get } = await setUp(t, [gate.line], GATE_MODULE)
    const first = get()
    const parked = await gate.parked(0)
    proxy.conf.write({
      ...conf,
      plugins: [gate.line, ...plugins],
      modules: { ...GATE_MODULE, 'bad.mjs': module },
    })
    await t.rejects(proxy.server.reload(), error)
    t.equal(gate.unloads, gate.loads - 1, 'what was started of the new chain is gone, the old one is not')
    t.equal(parked.signal.aborted, false)
    t.equal(parked.reenable(), 'counted')
    t.equal((await first).status, 200)
    const second = get()
    ;(await gate.parked(1)).reenable()
    t.equal((await second).status, 200, 'new handshakes are asked about as before')
  })
}

/** Worker threads of this process. */
function threads(): number {
  const { workers } = process.report.getReport() as unknown as { workers: unknown[] }
  return workers.length
}
