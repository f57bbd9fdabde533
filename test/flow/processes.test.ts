/** Several processes that serve, under one that supervises them. It is long because each start of three processes takes seconds: what belongs to one is asked of one. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { Approval } from '../../core/api/managed.js'
import { PLACES } from '../kit/approving.js'
import { get, rawClient, requestText } from '../kit/client.js'
import { CONNECTION, HOST, issued, type Managed, managed, statusOf, TWO } from '../kit/managed.js'
import { nginxOrigin } from '../kit/nginx-origin.js'
import { poll } from '../kit/watch.js'

test('what is parked in any of two processes that serve is listed and decided by the started one', async t => {
  const records = { ...TWO.records, 'proxy.config.admin.may_accept': 1 } as const
  const all = await managed(t, ['desk.mjs one waits'], undefined, { records })
  await t.test('limit 2 gives two processes that serve under the started one', t => limited(t, all))
  await t.test('what is parked in any process is listed and rejected', t => rejected(t, all))
  await t.test('it is accepted and extended, and all decisions are seen', t => accepted(t, all))
})

async function limited(t: Test, { proxy, ...rest }: Managed) {
  const status = await statusOf({ proxy, ...rest })
  t.equal(status.pid, proxy.child.pid)
  const pids = status.processes.map(({ pid }) => pid)
  t.equal(new Set([...pids, proxy.child.pid]).size, 3)
  t.match((await rest.ctl('status')).out, /^processes +2: pid \d+, up .*; pid \d+, up /m)
}

async function rejected(t: Test, all: Managed) {
  const origin = await nginxOrigin({ ...issued })
  t.teardown(origin.stop)
  const clients = await Promise.all([rawClient(all.proxy.port), rawClient(all.proxy.port)])
  for (const client of clients) {
    t.teardown(client.stop)
    client.send(requestText(`https://${HOST}:${origin.httpsPort}/`))
  }
  const parked = await poll(async () => {
    const { parked } = JSON.parse((await all.ctl('parked', '--json')).out)
    return parked.length === 2 && parked
  }, 'two parked handshakes')
  const { processes, counters } = await statusOf(all)
  t.same(
    processes.map(one => one.counters['parked']),
    [1, 1],
    'one in each',
  )
  t.match(counters, { parked: 2 })
  for (const { id } of parked) t.match(await all.ctl('reject', `${id}`, 'revoked'), { code: 0 })
  for (const client of clients) t.equal((await client.response('GET')).status, 502)
  t.match(await all.ctl('reject', '999999999'), { code: 1, err: /PTC_ADMIN_REQUEST/ })
}

async function accepted(t: Test, all: Managed) {
  const origin = await nginxOrigin({ ...issued })
  t.teardown(origin.stop)
  const ask = () => get(all.proxy.port, `https://${HOST}:${origin.httpsPort}/`, [], 60_000)
  const asked = [ask(), ask()]
  const parkedRows = async () => JSON.parse((await all.ctl('parked', '--json')).out).parked
  const rows = await poll(async () => {
    const parked = await parkedRows()
    return parked.length === 2 && parked
  }, 'two parked handshakes')
  for (const { id, deadline } of rows) {
    t.match(await all.ctl('extend', `${id}`, '1m'), { code: 0 })
    const later = (await parkedRows()).find((row: { id: number }) => row.id === id)
    t.ok(later.deadline > deadline + 59_000)
    t.match(await all.ctl('accept', `${id}`), { code: 0 })
  }
  for (const one of asked) t.equal((await one).status, 200)
  const { history } = JSON.parse((await all.ctl('history', '--json')).out)
  const grants = history.filter(
    ({ by, port }: { by: string; port: number }) => by === 'operator' && port === origin.httpsPort,
  )
  t.match(grants, [
    { host: HOST, plugin: 'desk' },
    { host: HOST, plugin: 'desk' },
  ])
  t.equal(new Set(history.map(({ id }: { id: number }) => id)).size, history.length)
}

test('a revocation and a configuration of one process come to all of them', async t => {
  const all = await managed(t, ['desk.mjs one'], undefined, TWO)
  await t.test('a revocation in one process reaches what the others remember', t => revoked(t, all))
  await t.test('a configuration comes into force in all processes, or in none', t => configured(t, all))
})

async function revoked(t: Test, all: Managed) {
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const ask = () => get(all.proxy.port, `https://${HOST}:${origin.httpsPort}/`)
  t.same(
    (await Promise.all([ask(), ask()])).map(({ status }) => status),
    [200, 200],
  )
  const { counters, processes } = await statusOf(all)
  t.same(
    processes.map(one => one.counters['rememberedVerdicts']),
    [1, 1],
    'one in each',
  )
  t.match(counters, { rememberedVerdicts: 2 })
  await t.test('by an operator', async t => {
    t.match((await all.ctl('revoke', HOST)).out, /2 remembered verdicts/)
    t.match((await statusOf(all)).counters, { rememberedVerdicts: 0, idleConnections: 0 })
  })
  await t.test('by a plugin, of which each process has one', async t => {
    await Promise.all([ask(), ask()])
    t.match((await statusOf(all)).counters, { rememberedVerdicts: 2 })
    await all.ctl('plugin', 'msg', 'revoke', HOST)
    await poll(async () => (await statusOf(all)).counters['rememberedVerdicts'] === 0, 'all to forget')
  })
}

/** It leaves the processes without plugins. */
async function configured(t: Test, all: Managed) {
  const { proxy } = all
  const records = { 'proxy.config.admin.socket': 'ctl.sock', ...TWO.records } as const
  proxy.conf.write({ records, plugins: ['desk.mjs one', 'missing.mjs'] })
  t.match(await all.ctl('reload'), { code: 1, err: /missing\.mjs/ })
  t.match(proxy.output(), /ERROR: reload failed, the old configuration goes on/)
  t.same(
    (await statusOf(all)).processes.map(({ generation }) => generation),
    [1, 1],
  )
  proxy.conf.write({ records, plugins: [], modules: {} })
  t.match(await all.ctl('reload'), { code: 0, out: /2nd time/ })
  t.same(
    (await statusOf(all)).processes.map(({ generation }) => generation),
    [2, 2],
  )
}

const COUNTING = {
  modules: {
    'counting.mjs': `
export default ({ hookAdd, accept, note, state, metrics, revoke }) => {
  const total = metrics.counter({ name: 'asked_total', help: 'Questions.' })
  let sum = 0
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', async ({ reenable }) => {
    total.inc()
    sum = await state.increment('asked')
    note('asked ' + sum)
    reenable(accept({ cacheFor: 60000 }))
  })
  hookAdd('TS_HTTP_TXN_CLOSE_HOOK', () => {
    if (sum === 2) revoke({ host: '${HOST}' })
  })
}
`,
  },
} as const

test('state and metrics of a plugin are one, and so is what it revokes', async t => {
  const origin = await nginxOrigin({ ...issued, server: 'keepalive_timeout 0; location / { return 200; }' })
  t.teardown(origin.stop)
  const records = {
    ...TWO.records,
    'proxy.config.admin.listen': '127.0.0.1:0',
  } as const
  const all = await managed(t, ['counting.mjs'], undefined, { ...COUNTING, records })
  const ask = (host = HOST) => get(all.proxy.port, `https://${host}:${origin.httpsPort}/`)
  await ask()
  await ask()
  await all.proxy.until(/asked 2\n/)
  await all.proxy.until(
    /counting revoked host managed\.test: 1 remembered verdict.*\n(?:.*\n)*.*counting revoked host managed\.test: 1 rem/,
  )
  const [, port] = await all.proxy.until(/managed through http:\/\/127\.0\.0\.1:(\d+)/)
  const token = readFileSync(join(all.proxy.conf.path, 'admin.token'), 'utf8').trim()
  const headers = { authorization: `Bearer ${token}` }
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`, { headers })).text()
  t.match(text, /^portcullis_plugin_counting_asked_total 2$/m)
  t.match(text, /^portcullis_handshakes_total\{result="accepted",by="plugins"\} 2$/m)
  const refused = await get(all.proxy.port, `http://127.0.0.1:${port}/metrics`)
  t.equal(refused.status, 508, 'the port of the supervising process is no origin')
})

/** Two processes with approval.js, and a client of them. */
async function asking(t: Test, place: string) {
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const all = await managed(t, [`approval.js ${place}`], undefined, TWO)
  const open = async (): Promise<readonly Approval[]> =>
    JSON.parse((await all.ctl('approvals', '--json')).out).approvals
  return {
    ...all,
    open,
    ask: async () => (await get(all.proxy.port, `https://${HOST}:${origin.httpsPort}/`)).status,
    /** The question, once so many handshakes wait for it. */
    asked: (count: number) =>
      poll(async () => (await open()).find(({ waiting }) => waiting === count), `a question of ${count}`),
  }
}

for (const place of PLACES)
  test(`a question is one in all processes, and so is its answer, which stays when they are killed ${place}`, async t => {
    const all = await asking(t, place)
    const { ask, asked, open, ctl } = all
    const held = [ask(), ask()]
    const { id } = await asked(2)
    t.equal((await open()).length, 1)
    const { processes } = JSON.parse((await ctl('status', '--json')).out)
    t.match(processes, [{ counters: { parked: 1 } }, { counters: { parked: 1 } }], 'one waits in each')
    t.match(await ctl('accept', id, '--for', '10m'), { code: 0, out: /for 10 min/ })
    t.same(await Promise.all(held), [200, 200])
    for (let i = 0; i < 4; i++) t.equal(await ask(), 200, 'in either')
    t.match(JSON.parse((await ctl('answers', '--json')).out).answers, { length: 1, 0: { id, host: HOST } })
    t.match(await ctl('revoke', HOST), { code: 0, out: /withdrawn: 1 approval\n/ })
    const again = ask()
    const next = await asked(1)
    t.not(next.id, id)
    t.match(await ctl('reject', next.id), { code: 0 })
    t.equal(await again, 502)
    for (let i = 0; i < 4; i++) t.equal(await ask(), 502)
    t.match(await ctl('withdraw', next.id), { code: 0 })
    const last = [ask(), ask()]
    t.match(await ctl('accept', (await asked(2)).id), { code: 0 }, 'it is a question again in both')
    t.same(await Promise.all(last), [200, 200])

    const before = (await statusOf(all)).processes.map(({ pid }) => pid)
    for (const pid of before) {
      process.kill(pid, 'SIGKILL')
      await poll(async () => {
        const now = (await statusOf(all)).processes.map(one => one.pid)
        return now.length === 2 && !now.includes(pid)
      }, `another process in the place of ${pid}`)
    }
    for (let i = 0; i < 4; i++) t.equal(await ask(), 200, 'in processes that take their place')
    t.match((await ctl('answers')).out, /accepted/, 'and is listed')
  })

test('what several processes have learned is reported and written once', async t => {
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const { proxy, ctl } = await managed(t, ['learn.js @mode=shadow folder=learned'], undefined, TWO)
  const ask = async () => (await get(proxy.port, `https://${HOST}:${origin.httpsPort}/`)).status
  t.same(await Promise.all([ask(), ask()]), [200, 200])
  const report = (await ctl('learn', 'report')).out
  t.equal(report.split(`${HOST}:${origin.httpsPort}`).length, 2, report)
  t.match(JSON.parse(readFileSync(join(proxy.conf.path, 'learned', 'observed.json'), 'utf8')).hosts, {
    [`${HOST}:${origin.httpsPort}`]: { count: 2 },
  })
  t.match(await ctl('learn', 'write'), { code: 0, out: /^[^\n]*policy\.yaml\n[^\n]*sni\.yaml\n$/ })
})
