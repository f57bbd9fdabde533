import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { initFolder } from '../../../core/cli/init.js'
import { commandHere } from '../../kit/command-here.js'
import { makeTempDir } from '../../kit/temp-dir.js'

const FILES = [
  'ip_allow.yaml',
  'plugin.config',
  'records.config',
  'sni.schema.json',
  'sni.yaml',
  'ssl_multicert.config',
]

function folder(t: Test): string {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  return dir.path
}

test('a start without a configuration names the command that makes one, which starts as it stands', async t => {
  const dir = join(folder(t), 'conf')
  for (const command of ['start', 'verify-config']) {
    const missing = await commandHere([command, '-D', dir])
    t.equal(missing.exitCode, 1)
    t.match(
      missing.stderr(),
      `PTC_CONFIG_MISSING: there is no configuration in ${dir}: no ${dir}/records.config`,
    )
    t.match(missing.stderr(), /`node dist\/core\/main\.js init DIR` writes a commented configuration/)
  }
  const made = await commandHere(['init', dir])
  t.equal(made.exitCode, 0, made.stderr())
  t.match(made.stdout(), `node dist/core/main.js start -D ${dir}\n`)
  t.strictSame(readdirSync(dir).sort(), FILES)
  const checked = await commandHere(['verify-config', '-D', dir])
  t.equal(checked.exitCode, 0, checked.stderr())
  t.match(checked.stdout(), /in order; plugins: none;/)
  t.strictSame(
    checked
      .stderr()
      .split('\n')
      .filter(line => line !== '' && !line.includes('NOTE: ')),
    ['warning: no plugin is on TS_SSL_CERT_VERIFY_HOOK: the built-in check alone decides'],
  )
})

test('init overwrites nothing, and uses the folder of -D where none is named', async t => {
  const dir = join(folder(t), 'conf')
  mkdirSync(dir)
  writeFileSync(join(dir, 'sni.yaml'), 'mine')
  const refused = await commandHere(['init', '-D', dir])
  t.equal(refused.exitCode, 1)
  t.match(refused.stderr(), `PTC_CONFIG_EXISTS: ${dir} has sni.yaml\n`)
  t.strictSame(readdirSync(dir), ['sni.yaml'])
  t.equal(readFileSync(join(dir, 'sni.yaml'), 'utf8'), 'mine')
  rmSync(join(dir, 'sni.yaml'))
  t.equal((await commandHere(['init', '-D', dir])).exitCode, 0)
  t.strictSame(readdirSync(dir).sort(), FILES)
})

test('the files of init load no plugin and write no debug lines', async t => {
  const dir = folder(t)
  initFolder({ dir, name: dir }, 'etc', () => undefined)
  const active = (name: string): string[] =>
    readFileSync(join(dir, name), 'utf8')
      .split('\n')
      .filter(line => line.trim() !== '' && !line.startsWith('#'))
  t.strictSame(active('plugin.config'), [])
  t.ok(active('records.config').length > 5)
  t.strictSame(
    active('records.config').filter(line => line.includes('debug')),
    [],
  )
})
