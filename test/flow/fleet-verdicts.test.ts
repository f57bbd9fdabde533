/** Remembered verdicts that proxies on several machines share through a Redis; the machines are in this process. */
import { readFileSync } from 'node:fs'
import { type Test, test } from 'tap'
import { get } from '../kit/client.js'
import { machineHere } from '../kit/machine.js'
import { CONNECTION, HOST, issued, type Managed } from '../kit/managed.js'
import { nginxOrigin } from '../kit/nginx-origin.js'
import type { ProxyConf, ProxyHere } from '../kit/proxy.js'
import { makeKey, type RunningRedis, startRedis } from '../kit/stores.js'
import { poll } from '../kit/watch.js'

const ASKED = `
export default ({ hookAdd, accept, note }) => {
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ reenable }) => {
    note('asked')
    reenable(accept({ cacheFor: 600000 }))
  })
  hookAdd('TS_LIFECYCLE_MSG_HOOK', ({ tag, data }) => note(tag + data))
}
`
/** A busy machine may be slower than a handshake would wait. */
const PATIENT = { 'proxy.config.cluster.lookup_timeout': 10_000 }

interface Stage {
  readonly redis: RunningRedis
  /** Another proxy, which has the same configuration. */
  proxy(changes?: Pick<ProxyConf, 'modules' | 'records'>): Promise<Managed<ProxyHere>>
  /** Asks through it. @returns how often its plugin has been asked so far */
  ask(proxy: Managed<ProxyHere>): Promise<number>
  /** The verdicts in Redis. */
  stored(): Promise<[string, { bytes: string; ttl: number }][]>
}

async function stage(t: Test): Promise<Stage> {
  const redis = await startRedis()
  t.teardown(redis.stop)
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  let told = 0
  const conf: ProxyConf = {
    modules: { 'asked.mjs': ASKED },
    files: { 'cluster.keys': makeKey() },
    records: { 'proxy.config.cluster.redis_url': redis.url, ...PATIENT },
  }
  return {
    redis,
    proxy: ({ modules, records } = {}) =>
      machineHere(t, ['asked.mjs'], {
        ...conf,
        modules: { ...conf.modules, ...modules },
        records: { ...conf.records, ...records },
      }),
    ask: async ({ proxy, ctl }) => {
      t.equal((await get(proxy.port, `https://${HOST}:${origin.httpsPort}/`)).status, 200)
      // All lines before this one have come as well.
      await ctl('plugin', 'msg', 'told', `${++told}`)
      await proxy.until(new RegExp(`told${told}\n`))
      return [...proxy.output().matchAll(/ asked\n/g)].length
    },
    stored: async () => [...(await redis.sealed())].filter(([name]) => /^portcullis:verdict:/.test(name)),
  }
}

test('what was accepted here is not asked again there', async t => {
  const { proxy, ask, stored } = await stage(t)
  const [one, two, three] = [await proxy(), await proxy(), await proxy()]
  t.equal(await ask(one), 1)
  const [[name = '', { bytes = '', ttl = 0 } = {}] = []] = await poll(async () => {
    const found = await stored()
    return found.length > 0 && found
  }, 'the verdict in Redis')
  t.equal(await ask(two), 0, 'the other does not ask its plugin')
  t.equal(await ask(two), 0)
  t.notMatch(name + bytes, HOST, 'neither its name nor its content shows the host')
  t.ok(ttl > 0 && ttl <= 600_000, `it ends with what the plugin allows: ${ttl}`)
  const remembered = JSON.parse((await two.ctl('status', '--json')).out).counters.rememberedVerdicts
  t.equal(remembered, 1, 'it is listed where it was taken over')

  await t.test('what is revoked here is gone there, and in Redis', async t => {
    t.match(await two.ctl('revoke', HOST), { code: 0, out: /1 remembered verdict/ })
    await poll(async () => (await stored()).length === 0, 'the verdict to leave Redis')
    await one.proxy.until(/revoked host managed\.test: 1 remembered verdict/)
    await three.proxy.until(/revoked host managed\.test/)
    t.equal(await ask(three), 1, 'it has to ask')
  })
})

test('a verdict that comes back into Redis after its revocation counts nowhere', async t => {
  const { redis, proxy, ask, stored } = await stage(t)
  const [one, two, three] = [await proxy(), await proxy(), await proxy()]
  t.equal(await ask(one), 1)
  const [[name = ''] = []] = await poll(async () => {
    const found = await stored()
    return found.length > 0 && found
  }, 'the verdict in Redis')
  const bytes = (await redis.value(name)) ?? Buffer.alloc(0)
  t.equal(await ask(two), 0)
  await one.ctl('revoke', HOST)
  for (const { proxy } of [two, three]) await proxy.until(/revoked host managed\.test/)
  await poll(async () => (await stored()).length === 0, 'the verdict to leave Redis')
  // A program that can write to Redis may have kept it.
  const late = await proxy()
  for (const [who, before] of [
    [one, 1],
    [two, 0],
    [three, 0],
    [late, 0],
  ] as const) {
    await redis.put(name, bytes)
    t.equal(await ask(who), before + 1, 'asks its plugin')
  }
})

test('a process that reads its configuration anew begins with none, and takes its own along', async t => {
  const { proxy, ask, stored } = await stage(t)
  const [one, two] = [await proxy(), await proxy()]
  t.equal(await ask(one), 1)
  await poll(async () => (await stored()).length === 1, 'the verdict in Redis')
  t.match(await one.ctl('config', 'reload'), { code: 0 })
  await poll(async () => (await stored()).length === 0, 'the verdict to leave Redis')
  t.equal(await ask(two), 1, 'so the other asks')
  t.equal(await ask(one), 1, 'and the first finds that: its own question was before the reload')
  t.match(await one.ctl('config', 'reload'), { code: 0 })
  t.equal(await ask(one), 2, 'but nothing from before a reload')
})

test('other plugins, or other files that they are given, share nothing', async t => {
  const { proxy, ask, stored } = await stage(t)
  const one = await proxy()
  t.equal(await ask(one), 1)
  await poll(async () => (await stored()).length === 1, 'the verdict in Redis')
  const other = await proxy({ modules: { 'asked.mjs': `${ASKED}// another version` } })
  t.equal(await ask(other), 1)
  const own = await proxy({ records: { 'proxy.config.cluster.verdict_lifetime': 0 } })
  t.equal(await ask(own), 1, 'with a lifetime of 0 none is shared')
})

test('without Redis each goes on alone, and shares again when it is back', async t => {
  const { redis, proxy, ask, stored } = await stage(t)
  const [one, two] = [await proxy(), await proxy()]
  redis.fallSilent(true)
  for (const { proxy } of [one, two]) await proxy.until(/Redis of the fleet does not answer/)
  t.equal(await ask(one), 1)
  t.equal(await ask(two), 1)
  redis.fallSilent(false)
  for (const { proxy } of [one, two]) await proxy.until(/Redis of the fleet answers again/)
  t.same(await stored(), [], 'what was accepted alone stays where it is')
  const [three, four] = [await proxy(), await proxy()]
  t.equal(await ask(three), 1)
  await poll(async () => (await stored()).length === 1, 'the verdict in Redis')
  t.equal(await ask(four), 0)
})

test('the user of Redis that the guide shows is enough, and one that may less is told', async t => {
  const { redis, proxy, ask, stored } = await stage(t)
  const [, line = ''] = /^(user portcullis .*)$/m.exec(readFileSync('docs/operator-guide.md', 'utf8')) ?? []
  await redis.user(line)
  const as = (user: string): Pick<ProxyConf, 'records'> => ({
    records: {
      'proxy.config.cluster.redis_url': redis.url.replace('//', `//${user}:PASSWORD@`),
      'proxy.config.ssl.origin_session_cache': 1,
      'proxy.config.http.origin_max_idle': 0,
    },
  })
  const [one, two] = [await proxy(as('portcullis')), await proxy(as('portcullis'))]
  t.equal(await ask(one), 1)
  await poll(async () => (await stored()).length === 1, 'the verdict in Redis')
  t.equal(await ask(two), 0)
  await one.ctl('revoke', HOST)
  await two.proxy.until(/revoked host managed\.test/)
  for (const { proxy } of [one, two]) t.notMatch(proxy.output(), 'WARNING: Redis of the fleet')
  await redis.user(line.replace(' portcullis ', ' less ').replace('+getrange ', ''))
  const less = await proxy(as('less'))
  t.equal(await ask(less), 1)
  await less.proxy.until(
    /WARNING: Redis of the fleet refuses GETRANGE: NOPERM .*; verdicts and sessions are not shared/,
  )
  t.notMatch(less.proxy.output(), 'PASSWORD')
})
