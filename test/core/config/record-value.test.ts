import fc from 'fast-check'
import { test } from 'tap'
import { describeDomain, readValue, showValue } from '../../../core/config/record-value.js'

test('a record reads integers', async t => {
  t.strictSame(readValue({ type: 'INT' }, '-5'), { value: -5 })
  t.strictSame(readValue({ type: 'INT' }, '-2K'), { value: -2048 })
  t.strictSame(readValue({ type: 'INT' }, '-0'), { value: 0 }, 'there is no negative zero')
  t.strictSame(readValue({ type: 'COUNTER' }, '1G'), { value: 2 ** 30 }, 'a COUNTER is read as an INT')
  t.strictSame(readValue({ type: 'INT' }, '1T'), { value: 2 ** 40 })
  t.strictSame(readValue({ type: 'INT' }, '0xfF'), { value: 255 })
  for (const junk of ['', '-', '0x', '0X10', '-0x10', '0x10K', '1.5', '1KK', '+1', '1 2', '٣'])
    t.match(
      readValue({ type: 'INT' }, junk),
      { wrong: /is not a whole number/ },
      `${JSON.stringify(junk)} is none`,
    )
  t.match(readValue({ type: 'INT' }, '9007199254740992'), { wrong: /too large/ }, 'no number is rounded')
})

test('a record reads floating-point numbers', async t => {
  for (const [text, value] of [
    ['0.5', 0.5],
    ['-1', -1],
    ['.25', 0.25],
    ['1e3', 1000],
    ['+2.', 2],
  ] as const)
    t.strictSame(readValue({ type: 'FLOAT' }, text), { value }, text)
  for (const junk of ['', '.', 'x', '1.5x', '1,5', 'NaN', 'Infinity', '0x1'])
    t.match(
      readValue({ type: 'FLOAT' }, junk),
      { wrong: /is not a number/ },
      `${JSON.stringify(junk)} is none`,
    )
  t.match(readValue({ type: 'FLOAT' }, '1e999'), { wrong: /too large/ })
})

test('a shown record value is read back as the same value', async t => {
  fc.assert(fc.property(fc.maxSafeInteger(), n => Object.is(readBack('INT', n), n === 0 ? 0 : n)))
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), n =>
      Object.is(readBack('FLOAT', n), n === 0 ? 0 : n),
    ),
  )
  fc.assert(
    fc.property(fc.stringMatching(/^\P{Cc}+$/u), s => readBack('STRING', s) === (s === 'NULL' ? null : s)),
  )
  t.equal(readBack('STRING', null), null)
})

function readBack(type: 'INT' | 'FLOAT' | 'STRING', value: number | string | null): unknown {
  const reading = readValue({ type }, showValue(value))
  return 'value' in reading ? reading.value : reading.wrong
}

test('the text that says which values a record accepts', async t => {
  const row = { default: 1, reload: true, about: '' } as const
  t.equal(describeDomain({ ...row, type: 'INT', enum: [0, 1] }), 'one of 0, 1')
  t.equal(describeDomain({ ...row, type: 'INT', enum: [0] }), '0')
  t.equal(describeDomain({ ...row, type: 'INT', minimum: 1, maximum: 9, unit: 's' }), 'between 1 and 9 (s)')
  t.equal(describeDomain({ ...row, type: 'STRING', shape: 'a folder', nullable: true }), 'a folder, or NULL')
  t.equal(describeDomain({ ...row, type: 'STRING' }), 'text')
  t.equal(describeDomain({ ...row, type: 'FLOAT' }), 'a number')
})
