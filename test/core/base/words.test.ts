import { test } from 'tap'
import { wordSet, words } from '../../../core/base/text.js'

test('a table of words is read in its order, without the blanks around it', t => {
  t.strictSame(words('\n  one two\n  three\n'), ['one', 'two', 'three'])
  t.strictSame(wordSet('one two'), new Set(['one', 'two']))
  t.end()
})
