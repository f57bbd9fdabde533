import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import type { VConn } from '../../../core/api/vconn.js'
import { SharedTurns } from '../../../core/wait/coalesce.js'
import { type AskedTurn, PluginTurn, type Turn, type TurnAsker } from '../../../core/wait/turn.js'
import { collectGarbage } from '../../kit/garbage.js'
import { poll } from '../../kit/watch.js'

type Call = (event: Turn, turn: AskedTurn<Turn>) => void

function stage(call: Call, asker: Partial<TurnAsker<Turn>> = {}) {
  const log: string[] = []
  const observer = {
    ignoredReenable: (_plugin: string, about: string, why: string) =>
      void log.push(`${about} ignored ${why}`),
    pluginFailed: () => void log.push('failed late'),
    gaveUp: () => void log.push('gave up'),
  }
  const vconn = { id: 1, args: {} } as unknown as VConn
  const turn = new PluginTurn<Turn>(
    { plugin: 'one', deadline: undefined, ask: call, ...asker },
    { vconn, about: 'x', deadline: Date.now() + 10_000, observer },
    its => its,
    end => void log.push(end.type),
  )
  return { turn, log }
}

test('the signal of a plugin that fails aborts, and what it then gives up is no second failure', async t => {
  const oops = new Error('oops')
  const fails: Readonly<Record<string, Call>> = {
    'reads its signal before it fails': ({ signal }, { refuse }) => {
      signal.addEventListener('abort', () => refuse(signal.reason))
      refuse(oops)
    },
    'reads its signal after it has failed': (event, { refuse }) => {
      refuse(oops)
      refuse(event.signal.reason)
    },
  }
  for (const [title, call] of Object.entries(fails)) {
    const { turn, log } = stage(call)
    turn.start()
    t.ok(turn.signal.aborted, title)
    t.same(log.sort(), ['gave up', 'plugin-failed'], title)
  }
})

test('the signal of a plugin that must answer before it returns aborts when it has not', async t => {
  const { turn, log } = stage(() => {}, { isSynchronous: true })
  turn.start()
  t.ok(turn.signal.aborted)
  t.same(log, ['plugin-failed'])
})

test('the signal of a plugin that has answered does not abort, whatever comes later', async t => {
  const { turn, log } = stage(({ reenable }) => void reenable())
  turn.start()
  turn.stop()
  turn.refuse(new Error('oops'))
  t.notOk(turn.signal.aborted)
  t.same(log, ['reenabled', 'failed late'])
})

test('the signal of a call that several turns share aborts when the plugin fails', async t => {
  const shared = new SharedTurns<Turn>()
  const calls: { readonly event: Turn; readonly turn: AskedTurn<Turn> }[] = []
  const put = {
    ask: (event: Turn, turn: AskedTurn<Turn>) => void calls.push({ event, turn }),
    onVerdict: () => () => true,
  }
  const join: Call = (_, turn) => shared.ask('key', turn, put, () => {})
  const all = [stage(join), stage(join)]
  for (const { turn } of all) turn.start()
  const [{ event, turn } = t.fail('the plugin was not asked') as never] = calls
  turn.refuse(new Error('oops'))
  t.ok(event.signal.aborted)
  for (const { log } of all) t.same(log, ['plugin-failed'])
})

test('a fault in the handshake of one client does not keep a shared answer from another', async t => {
  const shared = new SharedTurns<Turn>()
  const calls: Turn[] = []
  const put = { ask: (event: Turn) => void calls.push(event), onVerdict: () => () => true }
  const join: Call = (_, turn) => shared.ask('key', turn, put, () => {})
  const broken = stage(join)
  broken.turn.start()
  broken.turn.watch(() => {
    throw new Error('a fault')
  })
  const other = stage(join)
  other.turn.start()
  t.throws(() => calls[0]?.reenable(), { code: 'PTC_INTERNAL' })
  t.same(other.log, ['reenabled'])
})

test('a plugin that keeps `reenable` does not keep the turn alive', async t => {
  const kept: Turn['reenable'][] = []
  const log: string[] = []
  const ref = run()
  // A WeakRef keeps its target until the end of the job that made it.
  await new Promise(resolve => setImmediate(resolve))
  collectGarbage()
  t.equal(ref.deref(), undefined)
  t.equal(kept[0]?.(), 'ignored')
  t.same(log, ['x ignored late'])

  function run(): WeakRef<object> {
    const made = stage(({ reenable }) => void kept.push(reenable))
    made.turn.start()
    made.turn.stop()
    log.push(...made.log)
    made.log.push = (...lines) => log.push(...lines)
    return new WeakRef(made.turn)
  }
})

test('a turn that is extended has another deadline, also for the plugin', async t => {
  const seen: Turn[] = []
  const { turn, log } = stage(event => seen.push(event), { deadline: 50 })
  turn.start()
  const { deadline } = turn
  turn.extend(60_000)
  t.equal(turn.deadline, deadline + 60_000)
  t.equal(seen[0]?.deadline, deadline + 60_000)
  await sleep(150)
  t.strictSame(log, [], 'its own clock has moved as well')
  turn.extend(-60_000)
  await poll(() => log.length > 0, 'an end')
  t.strictSame(log, ['late'])
  turn.extend(60_000)
  t.equal(turn.deadline, deadline, 'a turn that is over is not extended')
})
