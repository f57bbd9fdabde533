/** A restart of several processes, which are functions here. */
import { test } from 'tap'
import { type RollingParts, RollingRestart } from '../../../core/cluster/rolling-restart.js'
import type { ServingProcess } from '../../../core/cluster/supervisor.js'
import { Reloads } from '../../../core/program/reloads.js'
import { poll } from '../../kit/watch.js'

/** A process that has at most one prepared configuration, as members have. */
function process() {
  const state = { isServing: true, isStopping: false, prepared: false, committed: 0 }
  const functions: Readonly<Record<string, () => unknown>> = {
    prepareReload: () => {
      state.prepared = true
    },
    abandonReload: () => {
      state.prepared = false
    },
    commitReload: () => {
      if (state.prepared) state.committed++
      state.prepared = false
    },
  }
  const call = async (name: string) => functions[name]?.()
  const stop = async () => {
    state.isServing = false
  }
  return Object.assign(state, { call, stop, startFirst: async () => undefined })
}

test('a restart takes nothing from a reload that is running', async t => {
  const one = process()
  const places = [one] as unknown as ServingProcess[]
  let goOn = (): void => {}
  const others = new Promise<void>(resolve => {
    goOn = resolve
  })
  const reloads = new Reloads(
    async () => {
      await one.call('prepareReload')
      await others
      await one.call('commitReload')
      return []
    },
    message => t.fail(message),
  )
  const notes: string[] = []
  const parts: RollingParts = {
    places,
    newPlace: () => process() as unknown as ServingProcess,
    isStopping: () => false,
    alone: work => reloads.alone(work),
    note: message => void notes.push(message),
    error: message => t.fail(message),
  }
  const restart = new RollingRestart(parts)
  const reloading = reloads.run()
  await poll(() => one.prepared || undefined, 'prepared')
  const restarting = restart.begin(1000)
  await t.rejects(restart.begin(1000), { code: 'PTC_ADMIN_REQUEST' }, 'one at a time')
  await new Promise(setImmediate)
  t.ok(one.prepared, 'what the reload has prepared is still there')
  goOn()
  await reloading
  t.equal(one.committed, 1, 'and comes into force')
  t.equal(await restarting, 1)
  await poll(() => notes[0], 'replaced')
  t.strictSame([one.isServing, places.length], [false, 1])
})

test('a check that fails ends the restart alone: reloads and restarts go on', async t => {
  const one = process()
  const reloads = new Reloads(
    async () => [],
    message => t.fail(message),
  )
  const failing = { ...one, isServing: true, call: async () => Promise.reject(new Error('wrong file')) }
  const restart = new RollingRestart({
    places: [failing] as unknown as ServingProcess[],
    newPlace: () => process() as unknown as ServingProcess,
    isStopping: () => false,
    alone: work => reloads.alone(work),
    note: () => undefined,
    error: message => t.fail(message),
  })
  await t.rejects(restart.begin(1000), { message: 'wrong file' })
  await t.rejects(restart.begin(1000), { message: 'wrong file' }, 'not "being replaced already"')
  t.same(await reloads.run(), [])
})
