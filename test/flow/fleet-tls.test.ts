/** Proxies whose Redis speaks TLS, with an authority of its own and a user with a password. The machines are in this process. */
import { readFileSync } from 'node:fs'
import { type Test, test } from 'tap'
import { get } from '../kit/client.js'
import { machineHere } from '../kit/machine.js'
import { CONNECTION, HOST, issued, type Managed } from '../kit/managed.js'
import { nginxOrigin } from '../kit/nginx-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { makeConfDir, type ProxyConf, type ProxyHere, runMain } from '../kit/proxy.js'
import { makeKey, startSecureRedis } from '../kit/stores.js'
import { poll } from '../kit/watch.js'

const PASSWORD = 'hunter2-of-redis'
const root = await makeAuthority({ name: 'Redis Root' })
const stranger = await makeAuthority({ name: 'Other Root' })
const NAMED = { cn: 'redis.test', sans: ['127.0.0.1'] }

type Machine = Managed<ProxyHere>

/** Redis with the user of the guide, an origin, and proxies of that fleet. */
async function stage(t: Test, names = NAMED) {
  const redis = await startSecureRedis(await root.issue(names))
  t.teardown(redis.stop)
  const [, line = ''] = /^(user portcullis .*)$/m.exec(readFileSync('docs/operator-guide.md', 'utf8')) ?? []
  await redis.user(line.replace('>PASSWORD', `>${PASSWORD}`))
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const files = { 'cluster.keys': makeKey(), 'redis-ca.pem': root.certPem, 'other-ca.pem': stranger.certPem }
  const urlFor = (password: string): string => `rediss://portcullis:${password}@127.0.0.1:${redis.securePort}`
  return {
    redis,
    urlFor,
    proxy: (plugin: string, records: ProxyConf['records'] = {}): Promise<Machine> =>
      machineHere(t, [plugin], {
        files,
        records: {
          'proxy.config.cluster.redis_url': urlFor(PASSWORD),
          'proxy.config.cluster.redis_ca_file': 'redis-ca.pem',
          ...records,
        },
      }),
    ask: async ({ proxy }: Machine) => (await get(proxy.port, `https://${HOST}:${origin.httpsPort}/`)).status,
  }
}

const fleetOf = async ({ ctl }: Machine) => JSON.parse((await ctl('status', '--json')).out).fleet
const remembered = async ({ ctl }: Machine): Promise<number> =>
  JSON.parse((await ctl('status', '--json')).out).counters.rememberedVerdicts
const questions = async ({ ctl }: Machine) => JSON.parse((await ctl('approvals', '--json')).out).approvals

test('what is revoked on one machine is gone on the other, over TLS', async t => {
  const { redis, proxy, ask } = await stage(t)
  const [one, two] = [await proxy('desk.mjs one'), await proxy('desk.mjs two')]
  for (const each of [one, two]) t.match(await fleetOf(each), { isConnected: true, lastError: null })
  for (const each of [one, two]) t.equal(await ask(each), 200)
  t.ok((await redis.sealed()).size > 0, 'they use it')
  t.match(await one.ctl('revoke', HOST), { code: 0, out: /1 remembered verdict/ })
  await poll(async () => (await remembered(two)) === 0, 'the other machine to forget')
  for (const each of [one, two]) {
    t.notMatch(each.proxy.output(), 'WARNING: Redis of the fleet')
    t.notMatch(each.proxy.output(), PASSWORD)
  }
})

test('what a person approves on one machine is served on the other, over TLS', async t => {
  const { proxy, ask } = await stage(t)
  const [one, two] = [await proxy('approval.js'), await proxy('approval.js')]
  const held = ask(one)
  await poll(async () => (await questions(two)).length === 1, 'the question on the other machine')
  t.match(await two.ctl('accept', (await questions(two))[0].id), { code: 0 })
  t.equal(await held, 200)
  t.equal(await ask(two), 200)
})

/** Each serves, tells why Redis is away and what to look at, and shares nothing. */
async function alone(t: Test, pair: readonly Machine[], ask: (one: Machine) => Promise<number>, why: RegExp) {
  for (const one of pair) {
    await one.proxy.until(new RegExp(`Redis of the fleet does not answer: .*${why.source}.*goes on alone`))
    t.match(await fleetOf(one), { isConnected: false, lastError: why })
    t.equal(await ask(one), 200, 'it asks its plugin itself')
    t.notMatch(one.proxy.output() + (await one.ctl('status')).out, PASSWORD)
  }
}

test('a Redis with a certificate of another authority is refused, and each machine goes on alone', async t => {
  const { redis, proxy, ask } = await stage(t)
  const why = /certificate.*proxy\.config\.cluster\.redis_ca_file names the authorities/
  for (const ca of ['other-ca.pem', 'NULL']) {
    const records = { 'proxy.config.cluster.redis_ca_file': ca }
    await alone(t, [await proxy('desk.mjs one', records), await proxy('desk.mjs two', records)], ask, why)
  }
  t.strictSame([...(await redis.sealed()).keys()], [], 'it was told nothing')
})

test('a Redis whose certificate names another host is refused', async t => {
  const { redis, proxy, ask } = await stage(t, { cn: 'redis.test', sans: ['redis.test'] })
  await alone(
    t,
    [await proxy('desk.mjs one')],
    ask,
    /write a name of its certificate in proxy\.config\.cluster\.redis_url/,
  )
  t.strictSame([...(await redis.sealed()).keys()], [])
})

test('a wrong password is told with its record; what waits for a person stays held, until both are in the fleet again', async t => {
  const { redis, urlFor, proxy, ask } = await stage(t)
  const wrong = { 'proxy.config.cluster.redis_url': urlFor('another-password') }
  const why = /WRONGPASS.*correct user and password in proxy\.config\.cluster\.redis_url/
  const [one, two] = [await proxy('approval.js signal_after=2s'), await proxy('approval.js', wrong)]
  await two.proxy.until(new RegExp(`Redis of the fleet does not answer: .*${why.source}.*goes on alone`))
  t.notMatch(two.proxy.output() + (await two.ctl('status')).out, 'another-password')
  const held = ask(one)
  await poll(async () => (await questions(one))[0]?.waiting === 1, 'the held handshake')
  t.strictSame(await questions(two), [], 'the other is told nothing')
  t.equal(await held, 503, 'and no answer is no')
  await redis.send('ACL', 'SETUSER', 'portcullis', '>another-password')
  await two.proxy.until(/WARNING: Redis of the fleet answers again/)
  t.match(await fleetOf(two), { isConnected: true })
  await poll(async () => (await questions(two)).length === 1, 'the question that was told meanwhile')
  const [{ id }] = await questions(two)
  t.match(await two.ctl('accept', id), { code: 0 })
  await poll(async () => (await questions(one)).length === 0, 'the answer')
  t.equal(await ask(one), 200)
})

test('a start with authorities that cannot be used says which record and file', async t => {
  const cases: readonly (readonly [url: string, file: string, text: string | undefined, says: RegExp])[] = [
    ['rediss://127.0.0.1:1', 'none.pem', undefined, /redis_ca_file \S+none\.pem: .*ENOENT/],
    ['rediss://127.0.0.1:1', 'empty.pem', 'no certificate\n', /empty\.pem: it has no certificate/],
    [
      'redis://127.0.0.1:1',
      'ca.pem',
      root.certPem,
      /ca\.pem: proxy\.config\.cluster\.redis_url begins with redis:/,
    ],
  ]
  for (const [url, file, text, says] of cases) {
    const records = { 'proxy.config.cluster.redis_url': url, 'proxy.config.cluster.redis_ca_file': file }
    const files = { 'cluster.keys': makeKey(), ...(text === undefined ? {} : { [file]: text }) }
    const conf = makeConfDir({ records, files })
    t.teardown(conf.remove)
    const child = await runMain(['start', '-D', conf.path])
    t.equal(await child.exited(), 1)
    t.match(child.stderr(), /PTC_CLUSTER_CA/)
    t.match(child.stderr(), says)
  }
})
