/** What a bad plugin in worker threads can do to its neighbours: nothing. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { isolatedStage as setUp } from '../kit/isolated.js'
import { poll } from '../kit/watch.js'

type Deaths = readonly (readonly [what: string, why: RegExp])[]

/** @param hangTimeout milliseconds that a call may take */
async function die(t: Test, deaths: Deaths, hangTimeout: number): Promise<void> {
  const { proxy, get } = await setUp(t, {
    'proxy.config.plugin.isolate.memory_mb': 32,
    'proxy.config.plugin.isolate.hang_timeout': hangTimeout,
  })
  for (const [i, [what, why]] of deaths.entries()) {
    const response = await get(what)
    t.equal(response.status, 502, what)
    t.match(response.body.toString(), why)
    t.equal((await get('ok')).status, 200, 'the other worker goes on')
    await proxy.until(new RegExp(`(?:has a worker again[^]*){${i + 1}}`))
    for (let n = 0; n < 4; n++) t.equal((await get('ok')).status, 200)
  }
}

// On a loaded machine filling the memory takes longer than a call may take elsewhere.
test('a worker that dies by itself rejects what it holds, and is started again', t =>
  die(
    t,
    [
      ['memory', /its worker was lost: it ran out of memory/],
      ['exit', /its worker was lost: /],
      ['crash', /its worker was lost: out of the blue/],
    ],
    30_000,
  ))

test('a worker that does not return rejects what it holds, and is started again', t =>
  die(
    t,
    [
      ['later', /its worker was lost: it does not return/],
      ['spin', /its worker was lost: it does not return/],
    ],
    300,
  ))

test('a call behind one that does not return moves to another worker', async t => {
  const { get } = await setUp(t, { 'proxy.config.plugin.isolate.hang_timeout': 1000 })
  const spins = get('spin')
  const all = await Promise.all(Array.from({ length: 20 }, () => get('ok')))
  t.ok(all.every(({ status }) => status === 200))
  const { status, body } = await spins
  t.equal(status, 502)
  t.match(body.toString(), /plugin isolated, which failed .*does not return from its call/)
})

test('a call that was sent when no worker returned goes to the first that does', async t => {
  const { proxy, get } = await setUp(t, { 'proxy.config.plugin.isolate.hang_timeout': 60_000 })
  const release = (host: string) => writeFileSync(join(proxy.conf.path, 'plugins', `release-${host}`), '')
  const held = ['busy.test', 'busy.two.test']
  const spins = held.map(host => get(host.slice(0, -'.test'.length)))
  await Promise.all(held.map(host => proxy.until(new RegExp(`holds ${host}`))))
  const all = Array.from({ length: 6 }, () => get('ok'))
  await sleep(500) // longer than a worker may be silent before it counts as stuck
  release('busy.two.test')
  for (const { status } of await Promise.all(all)) t.equal(status, 200)
  release('busy.test')
  for (const { status } of await Promise.all(spins)) t.equal(status, 200)
})

test('a plugin that keeps failing is out of service until it answers one handshake', async t => {
  const retryAfter = 1500
  const { proxy, get } = await setUp(t, {
    'proxy.config.plugin.isolate.max_failures': 3,
    'proxy.config.plugin.isolate.retry_after': retryAfter,
  })
  for (let i = 0; i < 3; i++) t.equal((await get('exit')).status, 502)
  const began = performance.now()
  await proxy.until(/plugin isolated is out of service/)
  const { status, body } = await get('ok')
  t.equal(status, 502)
  t.match(body.toString(), /which failed .*out of service, and asked again in \d+ ms/, 'at once')
  await poll(async () => (await get('ok')).status === 200, 'the plugin in service')
  t.ok(performance.now() - began > retryAfter / 2, 'tried again after a while')
  t.equal((await get('ok')).status, 200, 'in service')
})
