import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { newPlugin } from '../../../core/cli/plugin-new.js'
import type { Child } from '../../kit/child.js'
import { commandHere, type Ended } from '../../kit/command-here.js'
import { linkPackages, runShell } from '../../kit/linked-project.js'
import { makeTempDir } from '../../kit/temp-dir.js'

function folder(t: Test): string {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  return dir.path
}

async function run(t: Test, command: string, cwd: string): Promise<Child> {
  const child = await runShell(command, cwd)
  t.teardown(child.stop)
  await child.exited(30_000)
  return child
}

const make = (args: readonly string[], cwd: string): Promise<Ended> =>
  commandHere(['plugin', 'new', ...args], { cwd })

for (const [language, args, files] of [
  ['TypeScript', ['my-check'], ['src/my-check.ts', 'src/my-check.test.ts', 'tsconfig.json']],
  ['JavaScript', ['my-check', '--js'], ['my-check.js', 'my-check.test.js']],
] as const) {
  test(`a new plugin in ${language} builds, passes its test and is in order`, async t => {
    const dir = folder(t)
    const made = await make(args, dir)
    t.equal(made.exitCode, 0, made.stderr())
    const project = join(dir, 'my-check')
    for (const file of [...files, 'package.json', 'README.md', 'conf/plugin.config', 'conf/records.config']) {
      t.ok(existsSync(join(project, file)), file)
      t.match(made.stdout(), file)
    }
    const { devDependencies } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
    t.match(
      devDependencies.portcullis,
      /^file:\//,
      'it depends on the program that made it, also after the project has been moved',
    )
    t.ok(existsSync(join(devDependencies.portcullis.slice('file:'.length), 'package.json')))

    linkPackages(project)
    const tested = await run(t, 'npm test', project)
    t.equal(tested.exitCode, 0, tested.stdout())
    t.match(tested.stdout(), / pass 5$/m)
    t.match(tested.stdout(), / fail 0$/m)
    const checked = await run(t, 'npm run check', project)
    t.equal(checked.exitCode, 0, checked.stderr())
    t.match(checked.stdout(), /conf: in order; plugins: my-check;/)
  })
}

test('the JavaScript of a new plugin has types for a checker', async t => {
  const dir = folder(t)
  await make(['my-check', '--js'], dir)
  const project = join(dir, 'my-check')
  linkPackages(project)
  const flags =
    '--noEmit --allowJs --checkJs --strict --module nodenext --target es2022 --types node --skipLibCheck'
  const right = readFileSync(join(project, 'my-check.js'), 'utf8')
  writeFileSync(join(project, 'wrong.js'), right.replaceAll('options.deny', 'options.denny'))
  const files = 'my-check.js my-check.test.js wrong.js'
  const checked = await run(t, `node_modules/.bin/tsc ${flags} ${files}`, project)
  const complaints = checked
    .stdout()
    .split('\n')
    .filter(line => /^\S/.test(line))
  t.ok(complaints.length > 0)
  for (const line of complaints) t.match(line, /^wrong\.js\(\d+,\d+\): error .*'denny' does not exist/)
})

test('a program that npm has installed is found by its version', async t => {
  const dir = folder(t)
  const home = join(dir, 'node_modules/portcullis')
  newPlugin({ name: 'mine', isJavaScript: true, cwd: dir, home, version: '1.2.3', print: () => undefined })
  const { devDependencies } = JSON.parse(readFileSync(join(dir, 'mine/package.json'), 'utf8'))
  t.equal(devDependencies.portcullis, '^1.2.3')
})

test('nothing is overwritten', async t => {
  const dir = folder(t)
  mkdirSync(join(dir, 'empty'))
  await make(['mine'], dir)
  const before = readFileSync(join(dir, 'mine/README.md'), 'utf8')
  for (const args of [['mine'], ['mine', '--js'], ['empty']]) {
    const again = await make(args, dir)
    t.equal(again.exitCode, 1, args.join(' '))
    t.match(again.stderr(), /PTC_PLUGIN_EXISTS: there already: \S+(mine|empty)\n/)
  }
  t.equal(readFileSync(join(dir, 'mine/README.md'), 'utf8'), before)
  t.strictSame(readdirSync(join(dir, 'empty')), [])
})

test('a name that will not do is a mistake on the command line', async t => {
  const dir = folder(t)
  const cases: [string, RegExp][] = [
    ['a b', /"a b" cannot be the name of a plugin: lower-case/],
    ['Mine', /lower-case/],
    ['../mine', /lower-case/],
    ['.mine', /lower-case/],
    ['', /lower-case/],
    ['a'.repeat(101), /at most 100/],
    ['mine.js', /extension/],
    ['mine.test', /extension/],
    ['fs', /it is taken/],
    ['node_modules', /it is taken/],
    ['portcullis', /it is taken/],
  ]
  for (const [name, message] of cases) {
    const wanted = {
      name,
      version: '1.2.3',
      isJavaScript: false,
      cwd: dir,
      home: '/',
      print: () => undefined,
    }
    t.throws(() => newPlugin(wanted), { code: 'PTC_USAGE', message }, name)
  }
  t.equal((await make(['Mine'], dir)).exitCode, 64)
  for (const line of ['plugin new', 'plugin new a b', 'plugin old a', 'verify-config --js'])
    t.equal((await commandHere(line.split(' '), { cwd: dir })).exitCode, 64, line)
  t.strictSame(readdirSync(dir), [])
})
