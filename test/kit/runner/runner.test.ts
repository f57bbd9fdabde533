/**
 * The runner of `npm test`: no failure passes, whatever kind it is.
 * Longer than 250 lines because each way in which a file can fail to say that it failed has its test here.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { type Test, test } from 'tap'
import { makeTempDir } from '../temp-dir.js'
import { poll } from '../watch.js'
import { asTap, describeResult, failures, isGood, summary } from './report.js'
import { type FileResult, runFile, runGroup } from './run-file.js'
import { inGroups } from './sharing.js'

const TAP = import.meta.resolve('tap')

/** A process that has ended, and that its parent has not asked for yet, does not run. */
const isRunning = (pid: number): boolean =>
  existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))

/** Runs a text as a file of tests; the text is the body of one test. */
async function runText(t: Test, body: string, limit?: number): Promise<FileResult> {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const file = dir.file('x.test.mjs', `import { t } from ${JSON.stringify(TAP)}\n${body}\n`)
  const out = makeTempDir()
  t.teardown(out.remove)
  return runFile(file, out.path, limit)
}

test('a file whose assertions hold is in order', async t => {
  const result = await runText(
    t,
    "t.test('a', async t => { t.pass(); t.pass('later', { todo: true }) })\nt.pass()",
  )
  t.match(result, { passed: 2, failed: 0, trouble: undefined, stderr: '' })
  t.ok(isGood(result))
  t.match(describeResult(result), /^ok +\d+\.\d s {2}.*x\.test\.mjs {2}2$/)
})

test('a failed assertion is told with its diagnostics, and with the tests around it', async t => {
  const body = "t.test('outer', async t => { t.pass('good'); t.equal(1, 2, 'ones') })\nt.pass('also good')"
  const result = await runText(t, body)
  t.match(result, { passed: 2, failed: 1, trouble: undefined })
  t.notOk(isGood(result))
  const text = describeResult(result)
  for (const part of ['not ok 2 - ones', '-2', '+1', 'not ok 1 - outer', 'alone: node --enable-source-maps'])
    t.ok(text.includes(part), part)
  t.notMatch(text, /^ *ok /m)
  t.match(
    summary([result], 2000),
    /^tests: 1 files, 2 assertions passed, 1 failed, 1 files not in order, 2\.0 s\n/,
  )
})

test('a file that does not come to its end is not in order, whatever it has passed', async t => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["t.pass()\nprocess.kill(process.pid, 'SIGKILL')", /^ended by SIGKILL/],
    [
      "import { writeSync } from 'node:fs'\nwriteSync(1, 'ok 1 - x\\n')\nprocess.exit(0)",
      /^status 0, and no end/,
    ],
    ["throw new SyntaxError('odd')", /./],
    ["t.pass()\nprocess.on('exit', () => { process.exitCode = 3 })", /^status 3/],
  ]
  for (const [body, trouble] of cases) {
    const result = await runText(t, body)
    t.notOk(isGood(result), body)
    t.ok(result.failed > 0 || trouble.test(result.trouble ?? ''), result.trouble ?? 'a failed assertion')
  }
  t.notOk(isGood(await runText(t, '')), 'nor is one without tests')
})

test('a file that takes too long is ended, and everything that it has started', async t => {
  const result = await runText(
    t,
    `import { spawn } from 'node:child_process'
import { writeSync } from 'node:fs'
process.on('SIGTERM', () => undefined)
writeSync(1, 'pid ' + spawn('env', ['sleep', '600']).pid)
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)`,
    5000,
  )
  t.notOk(isGood(result))
  t.match(result.trouble, /^ended by SIGKILL/)
  const pid = Number(/pid (\d+)/.exec(result.tap)?.[1])
  t.ok(pid > 0, 'has started one')
  await poll(() => !isRunning(pid), 'the end of the process') // the signal is on its way
  t.pass('which has ended')
})

test('all files are one TAP text, as the checks count it', async t => {
  const [good, bad] = [await runText(t, 't.pass()'), await runText(t, 't.pass()\nt.fail()')]
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const file = dir.file('all.tap', asTap([good, bad]))
  const counted = execFileSync(process.execPath, ['.ci/count-tap.mjs', file], { encoding: 'utf8' })
  t.equal(counted.trim(), '2 1')
  t.match(readFileSync(file, 'utf8'), /^not ok 2 - .*x\.test\.mjs\n1\.\.2\n$/m)
})

test('what only looks like a failure in diagnostics or as a plan for later is none', async t => {
  const text = [
    'not ok 1 - later # TODO',
    'not ok 2 - a',
    '  ---',
    '  diff: |',
    '    not ok 9',
    '  ...',
    'ok 3',
  ]
  t.strictSame(failures(text.join('\n')), text.slice(1, 6))
})

/** Files with these bodies, run in one process. */
async function runTexts(t: Test, bodies: readonly string[], limit?: number): Promise<readonly FileResult[]> {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const files = bodies.map((body, i) =>
    dir.file(`${i}.test.mjs`, `import { t } from ${JSON.stringify(TAP)}\n${body}\n`),
  )
  const out = makeTempDir()
  t.teardown(out.remove)
  const results = await runGroup(files, out.path, limit)
  t.strictSame(
    results.map(({ file }) => file),
    files,
  )
  return results
}

const PID = 'process.stderr.write(String(process.pid))'

test('files that share a process have each their own result', async t => {
  const results = await runTexts(t, [
    "t.test('a', async t => { t.pass(); t.pass() })",
    `${PID}\nt.test('b', async t => { t.equal(1, 2, 'ones') })\nt.test('c', async t => { t.pass() })`,
    '',
    `${PID}\nawait undefined\nt.test('d', async t => { t.pass('last') })`,
    "throw new SyntaxError('odd')",
  ])
  t.strictSame(
    results.map(({ passed, failed }) => [passed, failed]),
    [
      [2, 0],
      [1, 1],
      [0, 0],
      [1, 0],
      [0, 1],
    ],
  )
  t.strictSame(results.map(isGood), [true, false, false, true, false])
  const text = results.map(describeResult)
  t.match(text[1], /not ok 1 - ones\n(?:.*\n)*.*not ok 1 - b/)
  t.match(results[3]?.tap, /^# Subtest: d\n {4}ok 1 - last\n {4}1\.\.1\nok 1 - d .*\n\n?1\.\.1\n$/)
  t.match(results[1]?.stderr, /^(\d+)\1$/, 'in one process')
})

test('of several, a file whose tests are all skipped is in order, and one without tests is not', async t => {
  const results = await runTexts(t, ["t.pass('x', { skip: 'needs it' })", '', "t.pass('last')"])
  t.strictSame(
    results.map(({ trouble }) => trouble),
    [undefined, 'no tests', undefined],
  )
})

test('a file that needs a missing program before its tests is skipped, alone and of several', async t => {
  const programs = JSON.stringify(new URL('../programs.js', import.meta.url).href)
  const text = `const { requireProgram } = await import(${programs})
    process.env.PATH = '/nonexistent'
    for (const name of ['CI', 'PORTCULLIS_TEST_SKIPS']) delete process.env[name]
    t.pass()
    requireProgram('wget')`
  for (const result of [await runText(t, text), ...(await runTexts(t, [text, 't.pass()']))]) {
    t.match(result, { passed: 1, failed: 0, trouble: undefined })
    t.ok(isGood(result))
  }
})

test('a file that ends the process of several has failed, and the files behind it run alone', async t => {
  for (const body of ["process.kill(process.pid, 'SIGKILL')", 'process.exit(0)']) {
    const results = await runTexts(t, ["t.pass('first')", `t.pass()\n${body}`, "t.pass('third')"])
    t.strictSame(results.map(isGood), [true, false, true], body)
    t.match(results[1]?.trouble, /, in one process with /)
  }
})

test('a process of several files that does not end well is not in order', async t => {
  const body = "t.pass()\nprocess.on('exit', () => { process.exitCode = 3 })"
  const results = await runTexts(t, [body, 't.pass()'], 5000)
  t.notOk(results.every(isGood))
  t.match(results.at(-1)?.trouble, /, in one process with /)
})

test('a file that leaves something running in a process of several has failed, and the files behind it run alone', async t => {
  const rest = 'setInterval(() => {}, 1000)'
  const results = await runTexts(t, ['t.pass()', `t.pass()\n${rest}`, 't.pass()'], 5000)
  t.strictSame(results.map(isGood), [true, false, true])
  t.match(results[1]?.trouble, /, in one process with /)
})

test('a file of several begins when nothing of the one before it is left', async t => {
  const at = JSON.stringify(new URL('../at-end.js', import.meta.url).href)
  const results = await runTexts(t, [
    't.pass()\nsetTimeout(() => { globalThis.isOver = true }, 300)',
    "t.ok(globalThis.isOver, 'its timer has run')",
    `const { atEnd } = await import(${at})
     const { createServer } = await import('node:net')
     const server = createServer().listen(0, '127.0.0.1')
     t.pass()
     atEnd(() => server.close(() => { globalThis.isClosed = true }))`,
    "t.ok(globalThis.isClosed, 'its server is closed')",
    `const { atEnd } = await import(${at})\nt.pass()\natEnd(() => { throw new Error('odd') })`,
    't.pass()',
  ])
  t.strictSame(results.map(isGood), [true, true, true, true, false, true])
  t.match(
    results.map(describeResult)[4],
    /not ok \d+ - what the file has made cannot be freed\n(?:.*\n)*.*odd/,
  )
})

test('files share a process, but none that is about the whole process, or says that it needs its own', async t => {
  const texts: Readonly<Record<string, string>> = {
    'dist/test/core/a/a.test.js': "import { test } from 'tap';\nimport { quiet } from '../../kit/quiet.js';",
    'dist/test/core/a/b.test.js': "import { a } from '../../../core/a.js';\nimport '../../kit/child.js'",
    'dist/test/core/a/env.test.js': "process.env['A'] = 'b';",
    'dist/test/core/a/far.test.js': "import { quiet } from '../../kit/clock.js';",
    'dist/test/core/a/heap.test.js': 'process.memoryUsage()',
    'dist/test/core/a/slow.test.js': '',
    'dist/test/flow/approval.test.js': '',
    'dist/test/flow/measures.test.js':
      "import { test } from 'tap';\n// Own process: it measures turns of the loop.",
    'dist/test/packaging/a.test.js': '',
    'dist/test/kit/child.js': "process.once('exit', end)",
    'dist/test/kit/quiet.js': "if (process.env['A'] === 'b') use();",
    'dist/test/kit/clock.js': "import { mock } from 'node:test';",
  }
  const files = Object.keys(texts).filter(name => name.endsWith('.test.js'))
  const time = (file: string): number | undefined => (file.includes('slow') ? 60_000 : undefined)
  const groups = inGroups(files, time, file => texts[file] ?? '')
  const [a = '', b = '', ...alone] = files
  t.strictSame(new Set(groups.map(group => group.join())), new Set([`${a},${b}`, ...alone]))
  t.match(groups[0], [/approval|slow/], 'what takes longest begins first')
})

test('a process gets ten files at most, and as many as end within 30 s', async t => {
  const files = Array.from({ length: 25 }, (_, i) => `dist/test/core/${String(i).padStart(2, '0')}.test.js`)
  const sizes = (time: (file: string) => number | undefined): readonly number[] =>
    inGroups(files, time, () => '').map(group => group.length)
  t.strictSame(
    sizes(() => undefined),
    [10, 10, 5],
  )
  t.strictSame(
    sizes(() => 15_000),
    [...Array<number>(12).fill(2), 1],
  )
  t.strictSame(
    sizes(() => 50_000),
    Array<number>(25).fill(1),
  )
})
