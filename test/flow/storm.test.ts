/** A thousand handshakes parked at once, and a second client that must not wait for them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { get, type TimedResponse } from '../kit/client.js'
import { callCtl } from '../kit/managed.js'
import { nginxOrigin } from '../kit/nginx-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { type ChildProxy, startProxy } from '../kit/proxy.js'
import { poll } from '../kit/watch.js'

// Load test: a thousand handshakes at once.

const COUNT = 1000
const HOLD = 6000
/** For one answer; beyond it the test has failed anyway. */
const PATIENCE = 120_000
/** No answer to the neighbour may take longer: a request that waits for the storm takes as long as the hold. */
const SLOWEST = HOLD
const HOSTS = ['held.test', 'neighbour.test'] as const

test(`${COUNT} handshakes parked at once`, async t => {
  const root = await makeAuthority({ name: 'Root' })
  const leaf = await root.issue({ cn: 'both', sans: HOSTS })
  // Nothing is kept open: every request of the neighbour makes a handshake of its own.
  const origin = await nginxOrigin({ ...leaf, https: 'keepalive_timeout 0;' })
  t.teardown(origin.stop)
  const proxy = await startProxy({
    plugins: [`async_verify.so delay=held.test allow=neighbour.test delay_ms=${HOLD}`],
    hosts: HOSTS,
    ca: root.certPem,
    records: { 'proxy.config.admin.socket': 'storm.sock' },
  })
  t.teardown(proxy.stop)
  const [held, neighbour] = HOSTS.map(host => `https://${host}:${origin.httpsPort}/`) as [string, string]
  await get(proxy.port, neighbour)
  const before = await nativesAtRest(proxy)

  let isOver = false
  const storm = Promise.all(Array.from({ length: COUNT }, () => get(proxy.port, held, [], PATIENCE))).finally(
    () => {
      isOver = true
    },
  )
  const neighbours: TimedResponse[] = []
  while (!isOver) {
    neighbours.push(await get(proxy.port, neighbour, [], PATIENCE))
    await sleep(10) // a neighbour, not a second storm
  }
  const responses = await storm

  t.same(statuses(responses), [200], `all ${responses.length} are served`)
  t.ok(
    times(responses).every(ms => ms >= HOLD),
    'and none of them before its time',
  )
  t.same(statuses(neighbours), [200], 'the neighbour is served throughout')
  t.ok(neighbours.length >= 10)
  t.ok(
    times(neighbours).every(ms => ms < SLOWEST),
    'and never has to wait for the others',
  )
  t.same(await nativesAtRest(proxy), before, 'nothing native is left of any of them')
  tell(t, 'held', times(responses))
  tell(t, 'neighbour', times(neighbours))
})

/** Native objects by kind, once no connection to an origin is open. */
async function nativesAtRest({ conf }: ChildProxy): Promise<readonly string[]> {
  return poll(async () => {
    const { out } = await callCtl(conf.path, 'metric', 'match', 'portcullis_native_objects')
    const rows = out.trim().split('\n')
    return rows.some(row => /kind="SSL"\}? 0$/.test(row)) && rows
  }, 'the end of all connections to origins')
}

const statuses = (responses: readonly TimedResponse[]) => [...new Set(responses.map(({ status }) => status))]
const times = (responses: readonly TimedResponse[]) => responses.map(({ ms }) => ms).sort((a, b) => a - b)

function tell(t: Test, who: string, sorted: readonly number[]): void {
  const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? NaN).toFixed(0)
  t.comment(`${who}: ${sorted.length} answers, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, slowest ${at(1)} ms`)
}
