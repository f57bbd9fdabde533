import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { commandHere } from '../../kit/command-here.js'
import { makeTempDir } from '../../kit/temp-dir.js'

test('portcullis ca init makes an authority once', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const first = await commandHere(['ca', 'init', '-D', dir.path])
  t.equal(first.exitCode, 0, first.stderr())
  const key = join(dir.path, 'bump-ca.key')
  t.equal(statSync(key).mode & 0o777, 0o600)
  t.match(readFileSync(join(dir.path, 'bump-ca.pem'), 'utf8'), /^-----BEGIN CERTIFICATE-----/)
  for (const word of ['--cacert', 'certutil', 'SHA-256', 'connect.verify STRING bump'])
    t.ok(first.stdout().includes(word), `says ${word}`)

  const before = readFileSync(key)
  const second = await commandHere(['ca', 'init', '-D', dir.path])
  t.equal(second.exitCode, 1)
  t.match(second.stderr(), /PTC_CA_EXISTS: there already: .*bump-ca\.pem, .*bump-ca\.key/)
  t.ok(readFileSync(key).equals(before), 'and touches nothing')
})

test('portcullis ca init says where it cannot write', async t => {
  const child = await commandHere(['ca', 'init', '-D', '/nowhere/at/all'])
  t.equal(child.exitCode, 1)
  t.match(child.stderr(), /PTC_CONFIG_UNREADABLE: cannot write \/nowhere\/at\/all\/bump-ca\.key/)
})

test('commands are words of the table alone', async t => {
  for (const words of [['ca'], ['constructor'], ['start', 'twice'], []]) {
    const child = await commandHere(words)
    t.equal(child.exitCode, 64, words.join(' '))
  }
})
