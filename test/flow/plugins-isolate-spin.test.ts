/**
 * A plugin in worker threads that spins for ten seconds delays no other client. The test takes at least those ten seconds.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { type IsolatedStage, isolatedStage as setUp } from '../kit/isolated.js'

// Load test: a thread takes a processor for ten seconds.

/** Milliseconds that the worker spins at least; it ends after the other handshakes. */
const SPINS = 10_000
/** Milliseconds for the worker's answer: a loaded machine makes 400 handshakes in that time. */
const PATIENCE = 200_000

test('while a worker spins for 10 s, 200 other handshakes take as long as ever', async t => {
  const patient = {
    'proxy.config.plugin.isolate.hang_timeout': PATIENCE,
    'proxy.config.ssl.client.verify.deadline': PATIENCE,
  }
  // The other proxy has the same plugin, idle: what else the machine does, this thread that takes a core included, hits both.
  const [{ proxy, get }, control] = await Promise.all([setUp(t, patient), setUp(t, patient)])
  await Promise.all([warm(t, get), warm(t, control.get)])
  const began = performance.now()
  let isHeld = true
  const spins = get('busy', PATIENCE).finally(() => {
    isHeld = false
  })
  const [others, usual]: [number[], number[]] = [[], []]
  for (let i = 0; i < 20; i++) {
    others.push(...(await latencies(get, 10)))
    usual.push(...(await latencies(control.get, 10)))
  }
  t.ok(isHeld, `all of them while the worker spins; ${Math.round(performance.now() - began)} ms`)
  t.equal(others.length, 200)
  t.ok(median(others) < 2 * median(usual) + 50, `median ${median(others)} ms, beside it ${median(usual)}`)
  t.ok(worst(others) < worst(usual) + 1000, `worst ${worst(others)} ms, beside it ${worst(usual)}`)
  await sleep(Math.max(0, began + SPINS - performance.now()))
  t.ok(isHeld, 'it spins all the time')
  writeFileSync(join(proxy.conf.path, 'plugins', 'release-busy.test'), '')
  t.equal((await spins).status, 200, 'and its own answer counts when it comes')
  t.ok(performance.now() - began >= SPINS)
})

async function warm(t: Test, get: IsolatedStage['get']): Promise<void> {
  for (let i = 0; i < 4; i++) t.equal((await get('ok')).status, 200)
}

/** Of handshakes at the same time; milliseconds. */
function latencies(get: IsolatedStage['get'], count: number): Promise<number[]> {
  const one = async (): Promise<number> => {
    const began = performance.now()
    const { status } = await get('ok')
    if (status !== 200) throw new Error(`status ${status}`)
    return performance.now() - began
  }
  return Promise.all(Array.from({ length: count }, one))
}

const sorted = (all: readonly number[]): number[] => [...all].sort((a, b) => a - b)
const median = (all: readonly number[]): number => Math.round(sorted(all)[all.length >> 1] ?? Number.NaN)
const worst = (all: readonly number[]): number => Math.round(sorted(all).at(-1) ?? Number.NaN)
