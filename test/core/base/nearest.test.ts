import { test } from 'tap'
import { didYouMean, nearest } from '../../../core/base/nearest.js'

test('the nearest word', async t => {
  const words = ['deadline', 'isolate', 'mode']
  t.equal(nearest('dedline', words), 'deadline', 'one letter is missing')
  t.equal(nearest('MODE', words), 'mode', 'case does not count')
  t.equal(nearest('later', words), undefined, 'what is too far is not offered')
  t.equal(nearest('a'.repeat(10_000), ['b'.repeat(10_000)]), undefined, 'a huge word is not compared')
  t.equal(didYouMean('isolat', words), '; did you mean isolate?')
  t.equal(didYouMean('x', []), '')
})

test('two neighbours that have changed places are one mistake', async t => {
  const words = ['plugin', 'verify', 'replay', 'ctl']
  t.equal(nearest('pluign', words), 'plugin')
  t.equal(nearest('verfiy', words), 'verify')
  t.equal(nearest('erplay', words), 'replay', 'at the beginning')
  t.equal(nearest('ctll', words), 'ctl', 'a letter twice is none of that')
  t.equal(nearest('pulgni', words), undefined, 'twice in a short word is too far')
  t.equal(nearest('ca', ['abc']), undefined, 'not with a letter between them')
})
