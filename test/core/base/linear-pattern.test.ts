import fc from 'fast-check'
import { test } from 'tap'
import { type LinearTest, linearPattern, type PatternOptions } from '../../../core/base/linear-pattern.js'

/** For a pattern that the test knows to be good. */
function compile(source: string, options: PatternOptions = { anchor: 'whole' }): LinearTest {
  const pattern = linearPattern(source, options)
  if ('wrong' in pattern) throw new TypeError(pattern.wrong)
  return pattern
}

test('a pattern that a backtracking engine never finishes is answered', async t => {
  const text = `${'a'.repeat(250)}!`
  for (const source of ['(a+)+', '(a|aa)+', '(a|a)*b', '((a*)*)*b', '(.*a){12}b', '(a?){30}a{30}'])
    t.notOk(compile(source)(text), source)
  t.notOk(compile('(a+)+$', { anchor: 'beginning' })(text))
})

test('the whole of a text is matched, or its beginning', async t => {
  const whole = compile('a|b')
  t.strictSame(['a', 'b', 'ab', 'xa', 'a\n', ''].filter(whole), ['a', 'b'])
  const beginning = compile('a|b', { anchor: 'beginning' })
  t.strictSame(['a', 'ab', 'bc', 'xa', 'x\na', ''].filter(beginning), ['a', 'ab', 'bc'])
  t.notOk(compile('(?m)^a', { anchor: 'beginning' })('x\na'), 'no flag of the pattern moves the anchor')
  t.ok(compile('[a-z]+', { anchor: 'whole', ignoresCase: true })('ABC'))
})

test('what RE2 has not is refused with the remedy', async t => {
  for (const source of [
    '(?=a)',
    '(?!a)',
    '(?<=a)b',
    '(?<!a)b',
    '(a)\\1',
    '(?<n>a)\\k<n>',
    'a{1001}',
    '(',
    'a)(?:b',
  ])
    t.match(linearPattern(source, { anchor: 'whole' }), {
      wrong:
        /is not a regular expression that can be used: .*; the syntax is that of RE2, without look-around/,
    })
  const large = { wrong: /it is too large; use smaller repeats/ }
  t.match(
    linearPattern('(.{99}){9}', { anchor: 'whole' }),
    large,
    'nor what costs too much for each character',
  )
})

const part = fc.constantFrom(
  'a',
  'b',
  '.',
  '[ab]',
  '[^a]',
  'a*',
  'b+',
  'a?',
  '(?:ab)*',
  '(a|b)',
  'a{1,2}',
  '\\.',
  '\\w',
)
const source = fc
  .array(fc.oneof(part, fc.constant('|')), { minLength: 1, maxLength: 8 })
  .map(parts => parts.join(''))
const text = fc.array(fc.constantFrom('a', 'b', '.', 'c'), { maxLength: 8 }).map(chars => chars.join(''))

test('it answers as the regular expressions of JavaScript do', async () => {
  fc.assert(
    fc.property(source, text, (source, text) => {
      return compile(source)(text) === new RegExp(`^(?:${source})$`, 'u').test(text)
    }),
  )
})
