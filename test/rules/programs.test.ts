/** Every program that a test starts has an entry in the table of programs, or is missing on the machine of another. */
import { test } from 'tap'
import { matches, type Rule, readSources, source } from './kit/source.js'

/** Of the build, and of a machine that may install. */
const BY_NAME = '(?:env|sudo|tap)'
const STARTS = new RegExp(`\\b(?:spawn|execFile)(?:Sync)?\\(\\s*'(?!${BY_NAME}')`)

/**
 * What is started without `requireProgram` is a failure where the program is missing: the test should be skipped there, with
 * the package named, and a machine that may install should have it. Suites and benchmarks are no tests.
 */
const testsAskForPrograms: Rule = files =>
  files
    .filter(({ path }) => /^test\/(?!bench\/|suites\/|rules\/)/.test(path))
    .flatMap(file => matches(file, STARTS, 'starts a program without requireProgram', 'uncommented'))

test('tests ask for the programs that they start', async t => {
  t.strictSame(testsAskForPrograms(readSources('test')), [])
  const starts = (text: string, path = 'test/flow/a.test.ts'): number =>
    testsAskForPrograms([source(path, text)]).length
  for (const text of ["spawn('nginx', [])", "execFileSync(\n  'openssl',\n  [])", "spawnSync('git')"])
    t.equal(starts(text), 1, text)
  t.equal(starts("execFileSync(requireProgram('openssl'), [])"), 0)
  t.equal(starts("spawn('perl', [])", 'test/suites/curl/run.ts'), 0)
})
