import fc from 'fast-check'
import { test } from 'tap'
import { NetworkCounts } from '../../../core/base/network-rings.js'

test('the heaviest network is one that has most, whatever came and went', async t => {
  const step = fc.record({ network: fc.constantFrom('a', 'b', 'c', 'd'), isAdded: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const counts = new NetworkCounts()
      const expected = new Map<string, number>()
      for (const { network, isAdded } of steps) {
        if (isAdded) counts.add(network)
        else counts.remove(network)
        const count = Math.max((expected.get(network) ?? 0) + (isAdded ? 1 : -1), 0)
        expected.set(network, count)
        const most = Math.max(...expected.values())
        const { heaviest } = counts
        if (heaviest === undefined ? most !== 0 : expected.get(heaviest) !== most) return false
        if (counts.of(network) !== count) return false
      }
      return true
    }),
  )
  t.pass('for all sequences')
})
