/** Proxies on several machines that share a Redis. The machines are in this process, but for one that has several processes. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { PLACES } from '../kit/approving.js'
import { get } from '../kit/client.js'
import { machineHere } from '../kit/machine.js'
import { CONNECTION, HOST, issued, type Managed, managed } from '../kit/managed.js'
import { nginxOrigin } from '../kit/nginx-origin.js'
import { makeConfDir, type ProxyConf, type RunningProxy, runMain } from '../kit/proxy.js'
import { makeKey, type RunningRedis, startRedis } from '../kit/stores.js'
import { poll } from '../kit/watch.js'

const COUNTING = `
export default ({ hookAdd, accept, note, state }) => {
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', async ({ reenable, host }) => {
    note('asked ' + await state.increment('asked'))
    reenable(accept({ cacheFor: 60000 }))
  })
  hookAdd('TS_LIFECYCLE_MSG_HOOK', async ({ tag, data }) => {
    if (tag === 'set') await state.set(data, { secret: data })
    if (tag === 'add') note('added ' + await state.add(data, 1, { ttl: 60000 }))
    if (tag === 'get') note('got ' + JSON.stringify(await state.get(data)) + ' of ' + (await state.keys('')).sort())
    if (tag === 'delete') note('deleted ' + await state.delete(data))
  })
}
`

type Machine = Managed<RunningProxy>

interface Fleet {
  readonly redis: RunningRedis
  readonly proxies: readonly [Machine, Machine]
  /** Asks through the proxy. */
  ask(proxy: Machine): Promise<void>
  remembered(proxy: Machine): Promise<number>
}

const asPrograms = (t: Test, plugins: readonly string[], conf: ProxyConf): Promise<Machine> =>
  managed(t, plugins, undefined, conf)

/** @param machine how each is started */
async function fleet(
  t: Test,
  more: ProxyConf = {},
  machine: typeof asPrograms = machineHere,
): Promise<Fleet> {
  const redis = await startRedis()
  t.teardown(redis.stop)
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const records = { 'proxy.config.cluster.redis_url': redis.url, ...more.records }
  const conf = {
    modules: { 'counting.mjs': COUNTING },
    files: { 'cluster.keys': makeKey() },
    ...more,
    records,
  }
  const proxies = [
    await machine(t, ['counting.mjs'], conf),
    await machine(t, ['counting.mjs'], conf),
  ] as const
  return {
    redis,
    proxies,
    ask: async ({ proxy }) => {
      t.equal((await get(proxy.port, `https://${HOST}:${origin.httpsPort}/`)).status, 200)
    },
    remembered: async ({ ctl }) =>
      JSON.parse((await ctl('status', '--json')).out).counters.rememberedVerdicts,
  }
}

test('what is revoked on one machine is gone on the other', async t => {
  const { proxies, ask, remembered } = await fleet(t)
  const [one, two] = proxies
  for (const proxy of proxies) await ask(proxy)
  t.same(await Promise.all(proxies.map(remembered)), [1, 1])
  t.match(await one.ctl('revoke', HOST), { code: 0, out: /1 remembered verdict/ })
  await poll(async () => (await remembered(two)) === 0, 'the other machine to forget')
  await two.proxy.until(/revoked host managed\.test: 1 remembered verdict, 1 idle connection/)
  await t.test('by the key of a verdict, which the other machine does not know', async t => {
    for (const proxy of proxies) await ask(proxy)
    const [, key = ''] = /(key:\S+)$/m.exec((await two.ctl('verdicts')).out) ?? []
    t.match(await two.ctl('revoke', key), { code: 0 })
    await poll(async () => (await remembered(one)) === 0, 'the other machine to forget')
  })
})

test('a revocation made while Redis is away reaches the others once it is back', async t => {
  const { redis, proxies, ask, remembered } = await fleet(t)
  const [one, two] = proxies
  for (const proxy of proxies) await ask(proxy)
  redis.fallSilent(true)
  for (const { proxy } of proxies)
    await proxy.until(/WARNING: Redis of the fleet does not answer: .*; this process goes on alone/)
  t.match(await one.ctl('revoke', HOST), { code: 0, out: /1 remembered verdict/ })
  await ask(one)
  t.equal(await remembered(two), 1, 'the other cannot know')
  redis.fallSilent(false)
  await poll(async () => (await remembered(two)) === 0, 'the other machine to forget')
  for (const { proxy } of proxies) await proxy.until(/WARNING: Redis of the fleet answers again/)
})

test('what a plugin keeps is one on all machines, sealed, and expires', async t => {
  // Each asks its plugin itself.
  const { redis, proxies, ask } = await fleet(t, { records: { 'proxy.config.cluster.verdict_lifetime': 0 } })
  const [one, two] = proxies
  for (const proxy of proxies) await ask(proxy)
  await one.proxy.until(/asked 1\n/)
  await two.proxy.until(/asked 2\n/)
  const send = (to: Machine, tag: string) => to.ctl('plugin', 'msg', tag, 'plain-word')
  await send(one, 'set')
  await poll(async () => {
    await send(two, 'get')
    return /got \{"secret":"plain-word"\} of asked,plain-word/.test(two.proxy.output())
  }, 'the value on the other machine')
  await send(two, 'add')
  await two.proxy.until(/added false/)
  await send(two, 'delete')
  await two.proxy.until(/deleted true/)
  await send(one, 'add')
  await one.proxy.until(/added true/)
  await one.ctl('revoke', HOST)
  await poll(async () => (await redis.sealed()).size >= 3, 'three sealed keys')
  for (const [name, { bytes, ttl }] of await redis.sealed()) {
    t.match(name, /^portcullis:/)
    t.notMatch(name + bytes, 'plain-word')
    t.notMatch(name + bytes, HOST)
    t.ok(ttl > 0, `${name} expires`)
  }
})

test('without Redis each goes on alone', async t => {
  const { redis, proxies, ask } = await fleet(t)
  const [one, two] = proxies
  await redis.stop()
  for (const proxy of proxies) await ask(proxy)
  for (const { proxy } of proxies) await proxy.until(/asked 1\n/)
  t.match((await one.ctl('config', 'get', 'proxy.config.cluster.redis_url')).out, redis.url)
  t.ok(two)
})

test('several processes of a machine are part of the fleet', async t => {
  const { proxies, ask, remembered } = await fleet(
    t,
    { records: { 'proxy.config.exec_thread.limit': 2 } },
    asPrograms,
  )
  const [one, two] = proxies
  for (const proxy of proxies) for (let i = 0; i < 2; i++) await ask(proxy)
  t.same(await Promise.all(proxies.map(remembered)), [2, 2])
  const connected = { fleet: { isConnected: true, waiting: 0 } }
  t.match(JSON.parse((await one.ctl('status', '--json')).out), {
    ...connected,
    processes: [connected, connected],
  })
  t.match(await one.ctl('revoke', HOST), { code: 0, out: /2 remembered verdicts/ })
  await poll(async () => (await remembered(two)) === 0, 'the other machine to forget')
})

test('a fleet needs keys, and shows no password of its URL', async t => {
  const url = 'redis://fleet:hunter2@hunter2@127.0.0.1:1'
  const conf = makeConfDir({ records: { 'proxy.config.cluster.redis_url': url } })
  t.teardown(conf.remove)
  const child = await runMain(['start', '-D', conf.path])
  t.equal(await child.exited(), 1)
  t.match(child.stderr(), /PTC_CLUSTER_KEYS: proxy\.config\.cluster\.key_file \S+cluster\.keys: .*ENOENT/)
  const files = { 'cluster.keys': makeKey() }
  const { proxy, ctl } = await machineHere(t, [], {
    files,
    records: { 'proxy.config.cluster.redis_url': url },
  })
  await proxy.until(/WARNING: Redis of the fleet does not answer/)
  const { fleet } = JSON.parse((await ctl('status', '--json')).out)
  t.match(fleet, { isConnected: false, lastError: /./ })
  t.notMatch(JSON.stringify(fleet) + (await ctl('status')).out, 'hunter2')
  t.match((await ctl('config', 'match', 'proxy.config.cluster')).out, 'redis://fleet:***@127.0.0.1:1')
  t.notMatch(proxy.output(), 'hunter2')
  t.match(readFileSync(join(proxy.conf.path, 'records.config'), 'utf8'), 'hunter2')
})

for (const place of PLACES)
  test(`what a person approves on one machine is served on the other ${place}`, async t => {
    const redis = await startRedis()
    t.teardown(redis.stop)
    const origin = await nginxOrigin({ ...issued, server: CONNECTION })
    t.teardown(origin.stop)
    const conf = {
      files: { 'cluster.keys': makeKey() },
      records: { 'proxy.config.cluster.redis_url': redis.url },
    }
    const one = await machineHere(t, [`approval.js ${place}`], conf)
    const two = await machineHere(t, [`approval.js ${place}`], conf)
    const ask = async ({ proxy }: Machine) =>
      (await get(proxy.port, `https://${HOST}:${origin.httpsPort}/`)).status
    const questions = async ({ ctl }: Machine) => JSON.parse((await ctl('approvals', '--json')).out).approvals
    const fileOf = ({ proxy }: Pick<Machine, 'proxy'>) =>
      readFileSync(join(proxy.conf.path, 'approvals.jsonl'), 'utf8')
    const held = ask(one)
    await poll(async () => (await questions(two)).length === 1, 'the question on the other machine')
    const [{ id, waiting }] = await questions(two)
    t.equal(waiting, 0, 'nothing waits on the machine that is asked')
    t.match(await two.ctl('accept', id), { code: 0 })
    t.equal(await held, 200, 'the handshake on the other goes on')
    t.equal(await ask(two), 200)
    for (const { proxy } of [one, two]) {
      // What the other machine has told is served at once, and written meanwhile.
      await poll(async () => /"answered".*\n$/.test(fileOf({ proxy })), 'the answer in the file')
      const lines = fileOf({ proxy }).trim().split('\n')
      t.same(
        [...new Set(lines.map(line => JSON.parse(line).did))],
        ['asked', 'answered'],
        'each has it in its file',
      )
    }
    t.match(await one.ctl('revoke', HOST), { code: 0, out: /withdrawn: 1 approval/ })
    // Both parts reach the other machine within a second as a rule, and neither at once.
    await poll(async () => /"withdrew"/.test(fileOf(two)), 'the withdrawal in the other file')
    await two.proxy.until(/revoked host managed\.test/)
    const again = ask(two)
    await poll(async () => (await questions(two))[0]?.waiting === 1, 'the held handshake')
    await two.ctl('reject', (await questions(two))[0].id)
    t.equal(await again, 502)
  })
