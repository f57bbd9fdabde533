import { spawnSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { findProgram, isCi, missingPrograms, PROGRAMS, pathWithServers } from './program-table.js'
import { makeTempDir } from './temp-dir.js'

const CHILD = new URL('./child.js', import.meta.url).href
const TAP = fileURLToPath(new URL('../../../node_modules/tap/dist/esm/index.js', import.meta.url))

/** The TAP of a test that starts `program`, and one that passes, where no program of the table is in reach. */
function tapOf(
  program: string,
  env: NodeJS.ProcessEnv,
  begin = 'await',
): { status: number | null; stdout: string } {
  const text = `import { test } from ${JSON.stringify(TAP)}
    import { startChild } from ${JSON.stringify(CHILD)}
    test('starts it', async t => {
      t.pass('before')
      ${begin} startChild(${JSON.stringify(program)}, [])
      await new Promise(resolve => setTimeout(resolve, 50))
      throw new Error('what the test talked to is gone')
    })
    test('goes on', async t => { t.pass('after') })`
  const dir = makeTempDir()
  const { status, stdout } = spawnSync(process.execPath, [dir.file('x.test.mjs', text)], {
    encoding: 'utf8',
    env: { TAP: '1', PATH: '/nonexistent', ...env },
  })
  dir.remove()
  return { status, stdout }
}

test('a test that needs a missing program is skipped, with the package named', async t => {
  const { status, stdout } = tapOf('wget', {})
  t.equal(status, 0)
  t.match(stdout, /# SKIP needs wget \(Debian package wget\)/)
  t.match(stdout, /ok 1 - after/, 'the next test runs')
  const { status: unknown, stdout: said } = tapOf('sleep', {})
  t.not(unknown, 0, 'a program without an entry fails, whether this machine has it or not')
  t.match(said, 'sleep has no entry in test/kit/program-table.ts')
})

test('what still runs of a skipped test is no failure', async t => {
  const { status, stdout } = tapOf('wget', {}, 'const asked =')
  t.equal(status, 0)
  t.notMatch(stdout, /not ok/)
})

test('nothing is skipped under CI', async t => {
  const { status, stdout } = tapOf('wget', { CI: 'true' })
  t.not(status, 0)
  t.notMatch(stdout, /# SKIP/)
  t.ok(isCi({ CI: 'true' }))
  t.ok(isCi({ CI: '1' }))
  t.notOk(isCi({}))
  t.notOk(isCi({ CI: 'false' }))
})

test('missing programs are those of the table that no folder of PATH has', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  symlinkSync(process.execPath, join(dir.path, 'curl'))
  t.equal(findProgram('curl', dir.path), join(dir.path, 'curl'))
  t.strictSame(
    missingPrograms(dir.path),
    Object.keys(PROGRAMS).filter(name => name !== 'curl'),
  )
  t.equal(
    pathWithServers('/a:/usr/sbin'),
    '/a:/usr/sbin:/usr/local/sbin:/sbin:/usr/lib/squid',
    'servers lie in sbin',
  )
})
