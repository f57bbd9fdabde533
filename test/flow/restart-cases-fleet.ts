/** What shows that a restart takes over the records about several machines. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Status } from '../../core/admin/admin-api.js'
import type { Records } from '../../core/config/records-table.js'
import { get } from '../kit/client.js'
import { machineHere } from '../kit/machine.js'
import { CONNECTION, HOST, issued, type Managed } from '../kit/managed.js'
import { nginxOrigin } from '../kit/nginx-origin.js'
import { type Authority, makeAuthority } from '../kit/pki.js'
import type { ProxyConf, ProxyHere } from '../kit/proxy.js'
import type { RestartCase, RestartCases, Restarted, RestartStage } from '../kit/restarting.js'
import { makeKey, type RunningRedis, startRedis, startSecureRedis } from '../kit/stores.js'
import { poll } from '../kit/watch.js'

/** Accepts, for as long as its line says; keeps and reads a value. */
const KEEPER = `
export default ({ argv, hookAdd, accept, note, state }) => {
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ reenable }) =>
    reenable(argv[1] === undefined ? accept() : accept({ cacheFor: Number(argv[1]) })))
  hookAdd('TS_LIFECYCLE_MSG_HOOK', async ({ tag, data }) => {
    if (tag === 'set') await state.set('it', data)
    note(tag + ' ' + data + ' ' + await state.get('it'))
  })
}
`
const OTHER = (await makeAuthority({ name: 'Another Root' })).certPem
const MODULES = { 'keeper.mjs': KEEPER }
/** Milliseconds after which nothing comes into Redis any more. */
const QUIET = 5000
/** Milliseconds; less than it takes to notice that a connection is dead. */
const SLOW = 2000
/** Milliseconds for which a verdict counts that is to end. */
const BRIEFLY = 1000

interface Made {
  readonly redis: RunningRedis
  readonly url: string
}

async function withRedis(t: Test): Promise<Made> {
  const redis = await startRedis()
  t.teardown(redis.stop)
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  return { redis, url: `https://${HOST}:${origin.httpsPort}/` }
}

const inFleet =
  (records: ProxyConf['records'] = {}) =>
  ({ redis }: Made): ProxyConf => ({
    modules: MODULES,
    files: { 'cluster.keys': makeKey() },
    records: { 'proxy.config.cluster.redis_url': redis.url, ...records },
  })

/** Whether it is part of a fleet; it has heard Redis by then. */
const isInFleet = ({ send }: RestartStage): Promise<string> =>
  poll(async () => {
    const { fleet } = await send<Status>('GET', '/v1/status')
    if (fleet === undefined) return 'alone'
    return fleet.isConnected && 'in a fleet'
  }, 'a connection to Redis')

const isKept = async (kind: 'verdict' | 'session', redis: RunningRedis): Promise<boolean> =>
  [...(await redis.sealed()).keys()].some(name => name.startsWith(`portcullis:${kind}:`))

/** Whether Redis has items of a kind after a handshake. */
const keeps =
  (kind: 'verdict' | 'session') =>
  async (stage: RestartStage): Promise<boolean> => {
    const { redis, url } = stage.made as Made
    await isInFleet(stage)
    await get(stage.proxy.port, url)
    for (const end = Date.now() + QUIET; Date.now() < end; await sleep(50))
      if (await isKept(kind, redis)) return true
    return false
  }

const lifetime = (kind: 'verdict' | 'session', records: ProxyConf['records']) =>
  ({
    from: 0,
    to: 3600,
    plugins: ['keeper.mjs 600000'],
    make: withRedis,
    conf: inFleet({ 'proxy.config.cluster.lookup_timeout': 10_000, ...records }),
    probe: keeps(kind),
    expect: [false, true],
  }) as const satisfies RestartCase

let read = 0

export const FLEET_CASES: RestartCases<Extract<Restarted, `proxy.config.cluster.${string}`>> = {
  'proxy.config.cluster.redis_url': {
    from: null,
    to: ({ redis }: Made): Records['proxy.config.cluster.redis_url'] => redis.url,
    make: withRedis,
    conf: { files: { 'cluster.keys': makeKey() } },
    probe: isInFleet,
    expect: ['alone', 'in a fleet'],
  },
  'proxy.config.cluster.redis_ca_file': {
    from: 'other.pem',
    to: 'its.pem',
    make: async t => {
      const root = await makeAuthority({ name: 'Redis Root' })
      const redis = await startSecureRedis(await root.issue({ cn: 'redis.test', sans: ['127.0.0.1'] }))
      t.teardown(redis.stop)
      return { port: redis.securePort, root }
    },
    conf: ({ port, root }: { port: number; root: Authority }) => ({
      files: { 'cluster.keys': makeKey(), 'its.pem': root.certPem, 'other.pem': OTHER },
      records: { 'proxy.config.cluster.redis_url': `rediss://127.0.0.1:${port}` },
    }),
    probe: ({ send }) =>
      poll(async () => {
        const { fleet } = await send<Status>('GET', '/v1/status')
        if (fleet?.isConnected) return 'trusted'
        return fleet?.lastError === null ? undefined : 'not trusted'
      }, 'an answer of Redis'),
    expect: ['not trusted', 'trusted'],
  },
  'proxy.config.cluster.key_file': {
    from: 'one.keys',
    to: 'two.keys',
    plugins: ['keeper.mjs'],
    // Another machine, which has the second key.
    make: async t => {
      const made = await withRedis(t)
      const two = makeKey()
      const conf = inFleet()(made)
      const other = await machineHere(t, ['keeper.mjs'], { ...conf, files: { 'cluster.keys': two } })
      return { ...made, two, other }
    },
    conf: ({ two, ...made }: Made & { two: string }) => ({
      ...inFleet()(made),
      files: { 'one.keys': makeKey(), 'two.keys': two },
    }),
    probe: async stage => {
      const { other } = stage.made as { other: Managed<ProxyHere> }
      await isInFleet(stage)
      await stage.send('POST', '/v1/plugin/msg', { tag: 'set', data: 'this' })
      await stage.proxy.until(/set this this\n/)
      const mark = `read${++read}`
      await other.ctl('plugin', 'msg', 'get', mark)
      const [, found] = await other.proxy.until(new RegExp(`get ${mark} (.*)\n`))
      return found
    },
    expect: ['undefined', 'this'],
  },
  'proxy.config.cluster.verdict_lifetime': lifetime('verdict', {}),
  'proxy.config.cluster.session_lifetime': lifetime('session', {
    'proxy.config.ssl.origin_session_cache': 1,
    'proxy.config.http.origin_max_idle': 0,
  }),
  'proxy.config.cluster.lookup_timeout': {
    from: 200,
    to: SLOW,
    plugins: [`keeper.mjs ${BRIEFLY}`],
    make: withRedis,
    conf: inFleet({ 'proxy.config.http.origin_max_idle': 0 }),
    // Whether a handshake waits for a Redis that is silent.
    probe: async stage => {
      const { redis, url } = stage.made as Made
      await isInFleet(stage)
      // Once it has put a verdict there, it also looks for them.
      await poll(async () => {
        await get(stage.proxy.port, url)
        return isKept('verdict', redis)
      }, 'a verdict in Redis')
      await sleep(2 * BRIEFLY)
      redis.fallSilent(true)
      const begin = performance.now()
      await get(stage.proxy.port, url, [], 60_000)
      const isSlow = performance.now() - begin >= SLOW
      redis.fallSilent(false)
      return isSlow
    },
    expect: [false, true],
  },
}
