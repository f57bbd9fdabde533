/** What a bad plugin in worker threads can do to its neighbours: nothing. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { test } from 'tap'
import { type IsolatedStage, isolatedStage as setUp } from '../kit/isolated.js'

test('while a worker spins, 200 other handshakes take as long as ever', async t => {
  const { proxy, get } = await setUp(t, { 'proxy.config.plugin.isolate.hang_timeout': 5000 })
  const usual = await besideASpinningThread(() => latencies(get, 200))
  let isHeld = true
  const spins = get('spin').finally(() => {
    isHeld = false
  })
  const slow = get('slow')
  await sleep(20)
  const others = await latencies(get, 200)
  t.ok(isHeld, 'all of them while the worker spins')
  t.ok(others.p50 < 2 * usual.p50 + 50, `median ${others.p50} ms, usually ${usual.p50}`)
  t.ok(others.worst < usual.worst + 1000, `worst ${others.worst} ms, usually ${usual.worst}`)
  const { status, body } = await spins
  t.equal(status, 502)
  t.match(body.toString(), /plugin isolated, which failed .*does not return from its call/)
  t.ok([200, 502].includes((await slow).status))
  await proxy.until(/plugin isolated has a worker again/)
  t.equal((await get('ok')).status, 200)
})

/** A thread that spins takes a core, whoever's it is: that is not what is measured. */
async function besideASpinningThread<T>(work: () => Promise<T>): Promise<T> {
  const thread = new Worker('for (;;);', { eval: true })
  try {
    return await work()
  } finally {
    await thread.terminate()
  }
}

/** Latencies of handshakes, ten at a time; milliseconds. */
async function latencies(get: IsolatedStage['get'], count: number): Promise<{ p50: number; worst: number }> {
  const all: number[] = []
  const some = async (): Promise<void> => {
    for (let i = 0; i < count / 10; i++) {
      const began = performance.now()
      const { status } = await get('ok')
      if (status !== 200) throw new Error(`status ${status}`)
      all.push(performance.now() - began)
    }
  }
  await Promise.all(Array.from({ length: 10 }, some))
  all.sort((a, b) => a - b)
  return { p50: Math.round(all[count / 2] ?? 0), worst: Math.round(all.at(-1) ?? 0) }
}

const DEATHS = {
  memory: /its worker was lost: it ran out of memory/,
  exit: /its worker was lost: /,
  crash: /its worker was lost: out of the blue/,
  later: /its worker was lost: it does not return/,
} as const

for (const [what, why] of Object.entries(DEATHS)) {
  test(`${what}: rejects what the worker holds, and it comes back`, async t => {
    const { proxy, get } = await setUp(t, {
      'proxy.config.plugin.isolate.memory_mb': 32,
      'proxy.config.plugin.isolate.hang_timeout': 300,
    })
    const response = await get(what)
    t.equal(response.status, 502)
    t.match(response.body.toString(), why)
    t.equal((await get('ok')).status, 200, 'the other worker goes on')
    await proxy.until(/plugin isolated has a worker again/)
    for (let i = 0; i < 4; i++) t.equal((await get('ok')).status, 200)
  })
}

test('after repeated failures it is out of service, until one handshake has been answered', async t => {
  const { proxy, get } = await setUp(t, {
    'proxy.config.plugin.isolate.max_failures': 3,
    'proxy.config.plugin.isolate.retry_after': 700,
  })
  for (let i = 0; i < 3; i++) t.equal((await get('exit')).status, 502)
  await proxy.until(/plugin isolated is out of service/)
  const began = performance.now()
  const { status, body } = await get('ok')
  t.equal(status, 502)
  t.match(body.toString(), /which failed .*out of service, and asked again in \d+ ms/)
  t.ok(performance.now() - began < 300, 'at once')
  await sleep(750)
  t.equal((await get('ok')).status, 200, 'tried again')
  t.equal((await get('ok')).status, 200, 'in service')
})
