/**
 * TLS sessions with origins that proxies on several machines share through a Redis; nginx says what it has resumed. The
 * machines are in this process.
 */
import { type Test, test } from 'tap'
import { get } from '../kit/client.js'
import { machineHere } from '../kit/machine.js'
import { HOST, issued, type Managed } from '../kit/managed.js'
import { nginxOrigin } from '../kit/nginx-origin.js'
import type { ProxyHere } from '../kit/proxy.js'
import { makeKey, type RunningRedis, startRedis } from '../kit/stores.js'
import { poll } from '../kit/watch.js'

const JUDGE = `
export default ({ hookAdd, accept, reject, note }) => {
  let isBad = false
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ reenable, chain, host }) => {
    note('asked about ' + host + ' ' + chain.length)
    reenable(isBad ? reject('policy', 'changed its mind') : accept())
  })
  hookAdd('TS_LIFECYCLE_MSG_HOOK', ({ tag, data }) => {
    if (tag === 'bad') isBad = true
    note(tag + data)
  })
}
`

interface Stage {
  readonly redis: RunningRedis
  /** Another proxy, which has the same configuration but for these records. */
  proxy(records?: Readonly<Record<string, number>>): Promise<Managed<ProxyHere>>
  /** Asks through it. @returns `r`: the origin has resumed a session; `.`: it has not; or the status of a failure */
  ask(proxy: Managed<ProxyHere>): Promise<string>
  /** How often the plugin has been asked. */
  asked(proxy: Managed<ProxyHere>): Promise<number>
  /** The sessions in Redis, once there are so many. */
  stored(count: number): Promise<[string, { bytes: string; ttl: number }][]>
}

async function stage(t: Test, protocol: string): Promise<Stage> {
  const redis = await startRedis()
  t.teardown(redis.stop)
  const origin = await nginxOrigin({
    ...issued,
    server: 'location / { return 200 "$ssl_session_reused $ssl_protocol"; }',
    https: `ssl_protocols ${protocol};`,
  })
  t.teardown(origin.stop)
  const key = makeKey()
  let told = 0
  return {
    redis,
    proxy: records =>
      machineHere(t, ['judge.mjs'], {
        modules: { 'judge.mjs': JUDGE },
        files: { 'cluster.keys': key },
        records: {
          'proxy.config.cluster.redis_url': redis.url,
          'proxy.config.cluster.lookup_timeout': 10_000, // a busy machine may be slower than a handshake would wait
          'proxy.config.ssl.origin_session_cache': 1,
          'proxy.config.http.origin_max_idle': 0,
          ...records,
        },
      }),
    ask: async ({ proxy }) => {
      const { status, body } = await get(proxy.port, `https://${HOST}:${origin.httpsPort}/`)
      if (status !== 200) return `${status}`
      const [reused = '', version] = body.toString().split(' ')
      t.equal(version, protocol)
      return reused
    },
    asked: async ({ proxy, ctl }) => {
      await ctl('plugin', 'msg', 'told', `${++told}`)
      await proxy.until(new RegExp(`told${told}\\n`))
      return [...proxy.output().matchAll(/asked about managed\.test 1\n/g)].length
    },
    stored: count =>
      poll(async () => {
        const found = [...(await redis.sealed())].filter(([name]) => /^portcullis:session:/.test(name))
        return found.length === count && found
      }, `${count} sessions in Redis`),
  }
}

/** Sessions of other machines that were found, by all proxies of this process. */
async function hits({ ctl }: Managed<ProxyHere>): Promise<number> {
  const { out } = await ctl('metric', 'match', 'portcullis_cache_lookups')
  return Number(/cache="fleet_sessions",result="hit"\} (\d+)$/m.exec(out)?.[1])
}

for (const protocol of ['TLSv1.2', 'TLSv1.3'])
  test(`${protocol}: a session of one machine is resumed by another, whose plugin is asked first`, async t => {
    const { proxy, ask, asked, stored } = await stage(t, protocol)
    const [one, two] = [await proxy(), await proxy()]
    t.equal(await ask(one), '.')
    const [[name = '', { bytes = '', ttl = 0 } = {}] = []] = await stored(1)
    t.notMatch(name + bytes, HOST, 'neither its name nor its content shows the host')
    t.ok(ttl > 0 && ttl <= 3_600_000, `it ends: ${ttl}`)
    const before = await hits(two)
    t.equal(await ask(two), 'r', 'the other resumes it')
    t.equal(await asked(two), 1, 'after its plugin has seen the chain')
    t.equal(await hits(two), before + 1)
    await stored(protocol === 'TLSv1.2' ? 1 : 0)
    t.equal(await ask(one), 'r', 'the first has its own')
    t.equal(await ask(two), 'r', 'and so has the other now')
  })

for (const protocol of ['TLSv1.2', 'TLSv1.3'])
  test(`${protocol}: a revoked session is gone on all machines, in Redis, and if it comes back there`, async t => {
    const { redis, proxy, ask, stored } = await stage(t, protocol)
    const [one, two, three] = [await proxy(), await proxy(), await proxy()]
    t.equal(await ask(one), '.')
    const [[name = ''] = []] = await stored(1)
    const bytes = (await redis.value(name)) ?? Buffer.alloc(0)
    t.match(await three.ctl('revoke', HOST), { code: 0 })
    await stored(0)
    await two.proxy.until(/revoked host managed\.test/)
    // A program that can write to Redis may have kept it.
    for (const who of [one, two, three]) {
      await redis.put(name, bytes)
      t.equal(await ask(who), '.')
    }
  })

test('a plugin that rejects the chain of a session from another machine is heard', async t => {
  const { proxy, ask, stored } = await stage(t, 'TLSv1.3')
  const [one, two] = [
    await proxy({ 'proxy.config.ssl.origin_session_cache.reverify_on_resume': 0 }),
    await proxy(),
  ]
  t.equal(await ask(one), '.')
  await stored(1)
  await two.ctl('plugin', 'msg', 'bad', '')
  t.equal(await ask(two), '502')
  await two.proxy.until(/changed its mind/)
  await stored(0)
})

test('reverify_on_resume 0 trusts no acceptance of another machine', async t => {
  const { proxy, ask, asked, stored } = await stage(t, 'TLSv1.3')
  const trusting = { 'proxy.config.ssl.origin_session_cache.reverify_on_resume': 0 }
  const [one, two] = [await proxy(trusting), await proxy(trusting)]
  t.equal(await ask(one), '.')
  await stored(1)
  t.equal(await ask(two), 'r')
  t.equal(await asked(two), 1)
  t.equal(await ask(two), 'r')
  t.equal(await asked(two), 1, 'its own it need not judge again')
})

test('with a lifetime of 0, and while Redis is away, each has its own', async t => {
  const { redis, proxy, ask, stored } = await stage(t, 'TLSv1.3')
  const own = await proxy({ 'proxy.config.cluster.session_lifetime': 0 })
  t.equal(await ask(own), '.')
  t.equal(await ask(own), 'r')
  await stored(0)
  const [one, two] = [await proxy(), await proxy()]
  redis.fallSilent(true)
  for (const { proxy } of [one, two]) await proxy.until(/Redis of the fleet does not answer/)
  for (const who of [one, two]) t.equal(await ask(who), '.')
  for (const who of [one, two]) t.equal(await ask(who), 'r')
  redis.fallSilent(false)
  for (const { proxy } of [one, two]) await proxy.until(/Redis of the fleet answers again/)
  t.equal(await ask(await proxy()), '.')
  await stored(1)
})
