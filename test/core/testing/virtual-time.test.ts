import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { VirtualTime } from '../../../core/testing/virtual-time.js'
import { open, plugin } from './plugins.js'

const host = 'a.example'

test('deadlines pass without waiting', async t => {
  t.test('the deadline of all plugins passes without waiting', async t => {
    const kit = await open(t, ['later.mjs', 'never.mjs'])
    const handshake = await kit.park({ host })
    await kit.advance(29_999)
    t.equal(handshake.outcome, undefined)
    await kit.advance(1)
    t.match(handshake.outcome, {
      kind: 'rejected',
      by: 'deadline',
      plugin: 'never',
      alert: 'handshake_failure',
    })
    t.strictSame(kit.log, ['NOTE [never] aborted'])
  })

  t.test('the deadline of a record passes without waiting', async t => {
    const kit = await open(t, 'never.mjs', { records: { 'proxy.config.ssl.client.verify.deadline': 500 } })
    const handshake = await kit.park({ host })
    await kit.advance(500)
    t.match(handshake.outcome, { by: 'deadline' })
  })

  t.test('the own deadline of a plugin passes without waiting, with either meaning', async t => {
    const kit = await open(t, ['never.mjs @deadline=100 @late=builtin', 'never.mjs @deadline=100'])
    const handshake = await kit.park({ host })
    await kit.advance(100)
    t.equal(handshake.calls.length, 2)
    t.equal(handshake.outcome, undefined)
    await kit.advance(100)
    t.match(handshake.outcome, { kind: 'rejected', by: 'deadline' })
  })

  t.test('plugins see deadlines that pass without waiting', async t => {
    plugin('clock', '({ deadline, reenable }) => { note(deadline - Date.now()); reenable() }')
    const kit = await open(t, ['clock.mjs', 'later.mjs', 'clock.mjs'])
    const since = performance.now()
    await kit.park({ host })
    await kit.advance(3000)
    const passed = performance.now() - since // real time passes as well
    const [first = 0, second = 0] = kit.log.map(line => Number(line.split(' ')[2]))
    const isLeft = (ms: number, of: number): boolean => ms <= of + 2 && ms >= of - passed - 2
    t.ok(isLeft(first, 30_000), `${first}`)
    t.ok(isLeft(second, 27_000), `${second}: three seconds have passed`)
  })
})

test('time passes in order, for what is scheduled meanwhile as well', async t => {
  plugin(
    'ticks',
    '({ reenable }) => { reenable() }',
    'const tick = n => { note(n); schedule(() => tick(n + 1), 60_000) }; tick(0)',
  )
  const kit = await open(t, ['ticks.mjs', 'ticks.mjs'])
  await kit.advance(119_999)
  t.equal(kit.log.at(-1), 'NOTE [ticks] 1')
  await kit.advance(1)
  t.strictSame(kit.log.slice(-2), ['NOTE [ticks] 2', 'NOTE [ticks] 2'])
  kit.close()
  await kit.advance(600_000)
  t.equal(kit.log.length, 6, 'an unloaded plugin is not called')
})

test('real time that passes between two lines is no part of it', async t => {
  const time = new VirtualTime()
  const begin = time.now()
  await sleep(20)
  t.equal(time.now(), begin)
  let isOver = false
  const over = (): void => {
    isOver = true
  }
  time.after(begin + 500 - time.now(), over, t.threw)
  await time.advance(499)
  t.notOk(isOver)
  await time.advance(1)
  t.ok(isOver)
})
