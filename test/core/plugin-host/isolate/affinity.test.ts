import { test } from 'tap'
import { Affinity } from '../../../../core/plugin-host/isolate/affinity.js'

test('args stay with one worker, and each worker that knows of them forgets them', async t => {
  const affinity = new Affinity<string>()
  const stays = (): boolean => true
  t.equal(affinity.of(1), undefined)
  affinity.settle(1, 'a', stays)
  affinity.settle(1, 'b', stays)
  affinity.settle(1, 'b', stays)
  t.equal(affinity.of(1), 'a', 'a question to another worker moves nothing')
  affinity.settle('transaction 1', 'a', stays)
  t.strictSame(affinity.forget(1), ['a', 'b'])
  t.strictSame(affinity.forget(1), [], 'once')
  t.equal(affinity.of('transaction 1'), 'a', 'a transaction has a worker of its own')

  affinity.settle(2, 'a', stays)
  affinity.settle(2, 'b', worker => worker !== 'a')
  t.equal(affinity.of(2), 'b', 'a worker that is of no use is left')
  affinity.lose('b')
  t.equal(affinity.of(2), 'a', 'another worker may still know')
  affinity.lose('a')
  t.equal(affinity.of(2), undefined)
  t.strictSame(affinity.forget('transaction 1'), [])
})
