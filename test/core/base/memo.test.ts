import { test } from 'tap'
import { Memo } from '../../../core/base/memo.js'

test('a memo forgets everything when it is full', async t => {
  const memo = new Memo<string, number>(2)
  memo.set('a', 1)
  memo.set('b', 2)
  t.equal(memo.get('a'), 1)
  t.equal(memo.get('b'), 2)
  memo.set('c', 3)
  t.equal(memo.get('a'), undefined)
  t.equal(memo.get('c'), 3)
})
