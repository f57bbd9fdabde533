import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { makeTempDir } from './temp-dir.js'

const COUNTER = fileURLToPath(new URL('../../../.ci/count-tap.mjs', import.meta.url))

test('the count of the checks is the count of assertions', async t => {
  const dir = makeTempDir()
  t.teardown(() => dir.remove())
  const count = (...lines: string[]): string =>
    execFileSync(process.execPath, [COUNTER, dir.file('x.tap', lines.join('\n'))], {
      encoding: 'utf8',
    }).trim()

  t.equal(count('TAP version 14', 'ok 1 - a', 'ok 2 - b', 'not ok 3 - c', '1..3'), '2 1')
  t.equal(count('ok 1 - a # SKIP', 'not ok 2 - b # TODO', 'ok 3'), '1 0', 'what was skipped did not pass')
  const subtest = ['# Subtest: a', '    # Subtest: b', '        ok 1', '        ok 2', '    ok 1 - b']
  t.equal(count(...subtest, 'ok 1 - a', 'ok 2'), '3 0', 'the end of a subtest is no assertion')
  t.equal(count(...subtest, '    not ok 2', 'not ok 1 - a'), '2 1', 'a failure is counted once')
  t.equal(count(...subtest, 'not ok 1 - a # timeout'), '2 1', 'a subtest that broke off is a failure')
  t.equal(
    count(...subtest, 'ok 1 - a', 'not ok 2 - dead.test.js'),
    '2 1',
    'and so is a file without assertions',
  )
  t.equal(count('not ok 1 - a', '  ---', '  diff: |', '    ok 1', '    not ok 2', '  ...', 'ok 2'), '1 1')
  t.equal(count('ok 1 - a {', '    ok 1', '    ok 2', '}', 'not ok 2 - b {', '    ok 1', '}', 'ok 3'), '4 1')
  t.equal(count('ok 1', 'Bail out! gone'), '1 1')
  t.equal(count(''), '0 0')
})
