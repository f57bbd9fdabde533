import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import type { VConn } from '../../../core/api/vconn.js'
import { Shadows } from '../../../core/wait/shadows.js'
import type { ShadowOutcome, Turn, TurnAsker } from '../../../core/wait/turn.js'

const VCONN = { id: 1, args: {} } as unknown as VConn

function stage(max?: number) {
  const shadows = new Shadows(undefined, max)
  const told: string[] = []
  const observer = {
    ignoredReenable: (_plugin: string, _about: string, why: string) => void told.push(`ignored ${why}`),
    pluginFailed: (plugin: string) => void told.push(`${plugin} failed`),
    shadowed: (plugin: string, _about: string, outcome: ShadowOutcome) =>
      void told.push(
        `${plugin} would ${outcome.would} ${outcome.would === 'reject' ? outcome.by : ''}`.trim(),
      ),
  }
  const ask = (all: Record<string, (turn: Turn) => void>, ms = 10_000, own?: number): void => {
    const askers = Object.entries(all).map(
      ([plugin, call]): TurnAsker<Turn> => ({ plugin, deadline: own, ask: call }),
    )
    shadows.ask(askers, { vconn: VCONN, about: 'x', deadline: Date.now() + ms, observer }, turn => turn)
  }
  return { shadows, told, observer, ask }
}

test('each outcome is told, at once or later', async t => {
  const { shadows, told, ask } = stage()
  ask({
    yes: ({ reenable }) => void reenable(),
    no: ({ reenable }) => void reenable({ kind: 'reject', reason: 'policy' }),
    junk: ({ reenable }) => void Reflect.apply(reenable, undefined, [null]),
    later: ({ reenable, schedule }) => schedule(() => void reenable(), 30),
    throws: ({ schedule }) => schedule(() => Promise.reject(Object.create(null)), 0),
  })
  t.same(told, ['yes would accept', 'no would reject plugin', 'junk would reject plugin'])
  t.equal(shadows.count, 2)
  await sleep(200)
  t.same(told.slice(3).sort(), ['later would accept', 'throws failed', 'throws would reject plugin-failed'])
  t.equal(shadows.count, 0)
})

test('silence lasts until the earlier deadline', async t => {
  for (const [ms, own] of [
    [30, undefined],
    [10_000, 30],
    [30, 10_000],
  ] as const) {
    const { shadows, told, ask } = stage()
    ask({ silent: () => {} }, ms, own)
    t.equal(shadows.count, 1)
    await sleep(300)
    t.same(told, ['silent would reject deadline'])
    t.equal(shadows.count, 0)
  }
})

test('the number of shadow calls is bounded', async t => {
  const { shadows, told, ask } = stage(3)
  let asked = 0
  const silent = (): void => {
    asked++
  }
  for (let i = 0; i < 10; i++) ask({ silent })
  t.equal(asked, 3)
  t.equal(shadows.count, 3)
  t.same(told, new Array(7).fill('silent would unknown'))
  shadows.stop()
  t.equal(shadows.count, 0)
  t.equal(told.length, 7, 'unloading tells of nothing')
})

test('a plugin in shadow mode whose event cannot be made is not asked, and disturbs nothing', async t => {
  const { shadows, told, observer } = stage()
  const asker = { plugin: 'watches', deadline: 10, ask: () => t.fail('it was asked') }
  const facts = { vconn: VCONN, about: 'x', deadline: Date.now() + 10_000, observer }
  shadows.ask([asker], facts, () => {
    throw new Error('the ClientHello is cut in an odd way')
  })
  t.equal(shadows.count, 0)
  t.same(told, ['watches would unknown'])
})
