import { test } from 'tap'
import { LINGER, Linger, MAX_LINGER } from '../../../core/vconn/linger.js'

test('a peer that goes on sending has its time, and one that pauses less', t => {
  const linger = new Linger(MAX_LINGER, 0)
  let now = 0
  for (; now + LINGER < MAX_LINGER; now += LINGER) {
    t.ok(linger.heard(1000))
    t.ok(linger.look(now + LINGER), `after ${now + LINGER} ms`)
  }
  t.ok(linger.heard(1000))
  t.notOk(linger.look(MAX_LINGER), 'its time is over')
  const silent = new Linger(MAX_LINGER, 0)
  t.notOk(silent.look(LINGER), 'it has never sent anything')
  const pausing = new Linger(MAX_LINGER, 0)
  t.ok(pausing.heard(1))
  t.ok(pausing.look(LINGER))
  t.notOk(pausing.look(2 * LINGER))
  t.end()
})

test('a peer that sends too much is cut off at once', t => {
  const linger = new Linger(MAX_LINGER, 0)
  t.ok(linger.heard(256 * 2 ** 20))
  t.notOk(linger.heard(1))
  t.end()
})
