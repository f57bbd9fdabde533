import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { startChild } from '../kit/child.js'
import { requireProgram } from '../kit/programs.js'
import { makeTempDir } from '../kit/temp-dir.js'

const PATIENCE = 240_000

async function run(t: Test, program: string, ...args: string[]): Promise<string> {
  const child = await startChild(program, args)
  t.teardown(child.stop)
  child.endInput()
  t.equal(await child.exited(PATIENCE), 0, `${program} ${args[0]}`)
  return child.stdout()
}

test('the Debian package has the program, its dependencies, a configuration in order, and the unit', async t => {
  requireProgram('dpkg-deb')
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const built = await run(t, 'etc/packaging/debian/build.sh', dir.path, '-Znone')
  const [, deb = ''] = /'(\/\S+\.deb)'/.exec(built) ?? []
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
  t.equal((await run(t, 'dpkg-deb', '--field', deb, 'Version')).trim(), version)

  const root = join(dir.path, 'root')
  await run(t, 'dpkg-deb', '--raw-extract', deb, root)
  const program = join(root, 'usr/bin/portcullis')
  t.equal((await run(t, program, 'version')).trim(), `portcullis ${version}`)
  const conf = join(root, 'etc/portcullis')
  const report = JSON.parse(await run(t, program, 'verify-config', '-D', conf, '--json'))
  t.strictSame({ ok: report.ok, problems: report.problems }, { ok: true, problems: [] })
  t.match(readFileSync(join(conf, 'records.config'), 'utf8'), 'STRING /run/portcullis/ctl.sock')

  for (const file of [
    'bash-completion/completions/portcullis',
    'fish/vendor_completions.d/portcullis.fish',
    'zsh/vendor-completions/_portcullis',
  ])
    t.match(readFileSync(join(root, 'usr/share', file), 'utf8'), 'verify-config', file)

  const unit = readFileSync('etc/packaging/portcullis.service', 'utf8')
  t.equal(readFileSync(join(root, 'usr/lib/systemd/system/portcullis.service'), 'utf8'), unit)
  const listed = readFileSync(join(root, 'DEBIAN/conffiles'), 'utf8').trim().split('\n')
  t.ok(listed.includes('/etc/portcullis/records.config'), 'an upgrade keeps what operators have changed')
  for (const file of listed) t.ok(statSync(join(root, file)).isFile(), file)
  t.throws(() => statSync(join(root, 'usr/lib/portcullis/node_modules/tap')), 'no development dependency')
  for (const script of ['postinst', 'prerm', 'postrm']) await run(t, 'sh', '-n', join(root, 'DEBIAN', script))
})

test('the SBOM lists every production dependency of package.json, and no other direct one', async t => {
  const bom = JSON.parse(await run(t, 'npm', 'run', '--silent', 'sbom'))
  t.equal(bom.bomFormat, 'CycloneDX')
  const names: string[] = bom.components.map(({ group, name }: { group?: string; name: string }) =>
    group === undefined ? name : `${group}/${name}`,
  )
  const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
  const missing = Object.keys(dependencies).filter(name => !names.includes(name))
  t.strictSame(missing, [])
  t.strictSame(
    Object.keys(devDependencies).filter(name => names.includes(name)),
    [],
  )
})
