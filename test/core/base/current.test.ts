import { test } from 'tap'
import { derived } from '../../../core/base/current.js'

test('a derived value is made once for each value in force', async t => {
  let inForce = { limit: 1 }
  const made: number[] = []
  const text = derived(
    () => inForce,
    ({ limit }) => {
      made.push(limit)
      return `limit ${limit}`
    },
  )
  t.same(made, [], 'nothing is read before the first use')
  t.same([text(), text()], ['limit 1', 'limit 1'])
  inForce = { limit: 2 }
  t.same([text(), text()], ['limit 2', 'limit 2'])
  t.same(made, [1, 2])
})
