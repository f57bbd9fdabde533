import { test } from 'tap'
import { Diags } from '../../../core/base/diags.js'

const now = (): Date => new Date(2016, 10, 2, 5, 0, 0, 23)

function makeDiags(tags: string | null, enabled = true): { diags: Diags; lines: string[] } {
  const lines: string[] = []
  return { diags: new Diags({ tags, enabled, now, sink: line => lines.push(line) }), lines }
}

test('lines have the shape of Traffic Server', async t => {
  const { diags, lines } = makeDiags('ssl')
  diags.debug('ssl', 'hello')
  diags.status('up')
  diags.note('n')
  diags.warning('w')
  diags.error('e')
  diags.fatal('f')
  t.strictSame(lines, [
    '[Nov 02 05:00:00.023] {PTC} DIAG: (ssl) hello',
    '[Nov 02 05:00:00.023] {PTC} STATUS: up',
    '[Nov 02 05:00:00.023] {PTC} NOTE: n',
    '[Nov 02 05:00:00.023] {PTC} WARNING: w',
    '[Nov 02 05:00:00.023] {PTC} ERROR: e',
    '[Nov 02 05:00:00.023] {PTC} FATAL: f',
  ])
})

test('debug tags are a regular expression, anchored at the beginning only', async t => {
  const { diags } = makeDiags('async_verify.*|ssl')
  t.ok(diags.isOn('ssl'))
  t.ok(diags.isOn('ssl_cert'), 'what follows a match does not count')
  t.ok(diags.isOn('async_verify'))
  t.notOk(diags.isOn('my_ssl'), 'what precedes it does')
  t.notOk(diags.isOn('http'))
  t.notOk(makeDiags(null).diags.isOn(''), 'no tags: nothing is on')
})

test('a tag that is off costs nothing', async t => {
  const { diags, lines } = makeDiags('ssl')
  diags.debug('http', () => String(t.fail('the message is not made')))
  makeDiags('ssl', false).diags.debug('ssl', () => String(t.fail('nor when debugging is off')))
  diags.debug('ssl', () => 'made')
  t.match(lines, [/made$/], 'a message is made for a tag that is on')
})

test('new settings replace what was remembered', async t => {
  const { diags } = makeDiags('ssl')
  t.ok(diags.isOn('ssl'))
  diags.reconfigure({ tags: 'http', enabled: true })
  t.notOk(diags.isOn('ssl'))
  t.ok(diags.isOn('http'))
  for (const tags of ['(', 'a)(?:b'])
    t.throws(
      () => diags.reconfigure({ tags, enabled: false }),
      { code: 'PTC_RECORDS_INVALID' },
      `${tags} is refused`,
    )
  t.ok(diags.isOn('http'), 'after an error the old settings stand')
  for (let i = 0; i < 3000; i++) diags.isOn(`made up ${i}`)
  t.ok(diags.isOn('http'), 'made-up tags do not push out the answer')
})

test('a message cannot forge a line', async t => {
  const { diags, lines } = makeDiags('ssl')
  diags.error('subject /CN=a\r\n[Nov 02] {PTC} NOTE: accepted\u2028\u001b[2J')
  t.strictSame(lines, [
    '[Nov 02 05:00:00.023] {PTC} ERROR: subject /CN=a\\u000d\\u000a[Nov 02] {PTC} NOTE: accepted\\u2028\\u001b[2J',
  ])
})
