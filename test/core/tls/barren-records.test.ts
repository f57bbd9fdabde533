import { test } from 'tap'
import { BarrenRecords } from '../../../core/tls/barren-records.js'

test('records without data are a flood by their number, their bytes and their rate', async t => {
  const many = new BarrenRecords()
  many.add(512, 512 * 27, 0)
  t.notOk(many.isFlood, 'hundreds at once are none')
  many.add(1, 27, 0)
  t.ok(many.isFlood)
  many.clear()
  t.notOk(many.isFlood, 'data makes up for them')

  const large = new BarrenRecords()
  large.add(64, 64 * 65_279, 0)
  t.notOk(large.isFlood, 'nor are tickets of the largest size')
  large.add(1, 65_279, 0)
  t.ok(large.isFlood)

  const seldom = new BarrenRecords()
  for (let second = 0; second < 10_000; second++) seldom.add(1, 27, second * 1000)
  t.notOk(seldom.isFlood, 'one a second may go on for hours')
  for (let second = 10_000; second < 10_600; second++) seldom.add(2, 54, second * 1000)
  t.ok(seldom.isFlood, 'two a second may not')
})
