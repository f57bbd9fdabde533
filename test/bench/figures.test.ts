import { test } from 'tap'
import { spread, spreadText } from './figures.js'

test('the spread of measurements', async t => {
  t.same(spread([3, 1, 2]), { median: 2, min: 1, max: 3 })
  t.same(spread([4, 1, 2, 3]), { median: 2.5, min: 1, max: 4 }, 'between the middle two of an even number')
  t.same(spread([5]), { median: 5, min: 5, max: 5 })
  t.throws(() => spread([]), RangeError)
  t.equal(spreadText({ median: 0.741, min: 0.7, max: 0.808 }, 2), '0.74 (0.70-0.81)')
})
