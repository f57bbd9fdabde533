import { test } from 'tap'
import type { VConn } from '../../../core/api/vconn.js'
import type { Verdict } from '../../../core/api/verdict.js'
import { SharedTurns } from '../../../core/wait/coalesce.js'
import { type AskedTurn, PluginTurn, type Turn } from '../../../core/wait/turn.js'

const VCONN = { id: 1, args: {} } as unknown as VConn

function stage() {
  const shared = new SharedTurns<Turn>()
  const calls: { readonly event: Turn; readonly turn: AskedTurn<Turn> }[] = []
  const log: string[] = []
  let revocations = 0
  const observer = {
    ignoredReenable: (_plugin: string, _about: string, why: string) => void log.push(`ignored ${why}`),
    pluginFailed: () => void log.push('failed late'),
    gaveUp: () => void log.push('gave up'),
  }
  const put = {
    ask: (event: Turn, turn: AskedTurn<Turn>) => void calls.push({ event, turn }),
    onVerdict: ({ kind }: Verdict) => {
      log.push(`verdict ${kind}`)
      const since = revocations
      return () => since === revocations
    },
  }
  /** One more that asks the same. */
  const join = (name: string, deadline = Date.now() + 10_000, onEnd = (): void => {}): PluginTurn<Turn> => {
    const share = (turn: AskedTurn<Turn>): void =>
      shared.ask(`key ${revocations}`, turn, put, () => {
        log.push(`${name} anew`)
        share(turn)
      })
    const asker = {
      plugin: 'one',
      deadline: undefined,
      ask: (_: Turn, turn: AskedTurn<Turn>) => share(turn),
    }
    const facts = { vconn: VCONN, about: name, deadline, observer }
    const made = new PluginTurn<Turn>(
      asker,
      facts,
      turn => turn,
      end => {
        log.push(`${name} ${end.type}`)
        onEnd()
      },
    )
    made.start()
    return made
  }
  const revoke = (): void => {
    revocations += 1
  }
  return { shared, calls, log, join, revoke }
}

test('one verdict is for all that share a call, and is told before any of them goes on', async t => {
  const { shared, calls, log, join } = stage()
  join('a')
  join('b')
  t.equal(calls.length, 1)
  t.equal(calls[0]?.event.reenable(), 'counted')
  t.same(log.splice(0), ['verdict accept', 'a reenabled', 'b reenabled'])
  t.equal(calls[0]?.event.reenable(), 'ignored')
  t.same(log, ['ignored second'])
  t.notOk(calls[0]?.event.signal.aborted)
  t.equal(shared.size, 0)
  join('c')
  t.equal(calls.length, 2, 'later the plugin is asked again')
})

test('a failure is for all that share a call, and what is thrown later is logged once', async t => {
  const { shared, calls, log, join } = stage()
  join('a')
  join('b')
  calls[0]?.turn.refuse(new Error('oops'))
  t.same(log.splice(0), ['a plugin-failed', 'b plugin-failed'])
  calls[0]?.turn.refuse(new Error('again'))
  t.same(log, ['failed late'])
  t.equal(calls[0]?.event.reenable(), 'ignored')
  t.equal(shared.size, 0)
})

test('a call lasts until the last of those that share it has left', async t => {
  const { shared, calls, log, join } = stage()
  const a = join('a')
  const b = join('b')
  const { signal } = calls[0]?.event ?? {}
  a.stop()
  t.notOk(signal?.aborted, 'the other one still waits')
  t.equal(shared.size, 1)
  b.stop()
  t.ok(signal?.aborted)
  t.equal(shared.size, 0)
  calls[0]?.turn.refuse(signal?.reason)
  t.equal(calls[0]?.event.reenable(), 'ignored')
  t.same(log, ['gave up', 'ignored late'], 'those that have left hear of nothing')
})

test('a call whose deadline has passed is not joined', async t => {
  const { calls, join } = stage()
  join('a', Date.now() - 1)
  join('b')
  t.equal(calls.length, 2)
})

test('those that have not had a verdict when it is revoked ask once more, and share that question', async t => {
  const { shared, calls, log, join, revoke } = stage()
  join('a', undefined, () => {
    revoke()
    c.stop()
  })
  join('b')
  const c = join('c')
  join('d')
  calls[0]?.event.reenable()
  t.same(log.splice(0), ['verdict accept', 'a reenabled', 'b anew', 'd anew'], 'c has left')
  t.equal(calls.length, 2)
  calls[1]?.event.reenable()
  t.same(log, ['verdict accept', 'b reenabled', 'd reenabled'])
  t.equal(shared.size, 0)
})
