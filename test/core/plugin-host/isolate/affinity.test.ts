import { test } from 'tap'
import { Affinity } from '../../../../core/plugin-host/isolate/affinity.js'

test('args have one home, and whoever knows of them forgets them', async t => {
  const homes = new Affinity<string>()
  const stays = (): boolean => true
  t.equal(homes.of(1), undefined)
  homes.settle(1, 'a', stays)
  homes.settle(1, 'b', stays)
  homes.settle(1, 'b', stays)
  t.equal(homes.of(1), 'a', 'who is asked elsewhere has not moved')
  homes.settle('transaction 1', 'a', stays)
  t.strictSame(homes.forget(1), ['a', 'b'])
  t.strictSame(homes.forget(1), [], 'once')
  t.equal(homes.of('transaction 1'), 'a', 'a transaction has a home of its own')

  homes.settle(2, 'a', stays)
  homes.settle(2, 'b', home => home !== 'a')
  t.equal(homes.of(2), 'b', 'a home that is of no use is left')
  homes.lose('b')
  t.equal(homes.of(2), 'a', 'who is left may still know')
  homes.lose('a')
  t.equal(homes.of(2), undefined)
  t.strictSame(homes.forget('transaction 1'), [])
})
