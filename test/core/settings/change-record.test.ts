import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { changeRecord, undoChange } from '../../../core/settings/change-record.js'
import { makeTempDir } from '../../kit/temp-dir.js'

const NAME = 'proxy.config.proxy_name'
const lineOf = (value: string): string => `CONFIG ${NAME} STRING ${value}\n`

function folders(t: Test) {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const confDir = join(dir.path, 'conf')
  mkdirSync(confDir)
  return { dir, confDir, place: { confDir, env: {} } }
}

test('a symbolic link to the records stays, and its target is changed and put back', t => {
  for (const [name, before, after] of [
    ['records.config', lineOf('one'), lineOf('two')],
    ['records.yaml', 'records:\n  proxy_name: one\n', 'records:\n  proxy_name: two\n'],
  ] as const) {
    const { dir, confDir, place } = folders(t)
    const target = dir.file(`shared/${name}`, before)
    chmodSync(target, 0o640)
    const link = join(confDir, name)
    symlinkSync(`../shared/${name}`, link)
    const change = changeRecord(place, NAME, 'two')
    t.ok(lstatSync(link).isSymbolicLink())
    t.equal(readlinkSync(link), `../shared/${name}`)
    t.equal(readFileSync(target, 'utf8'), after)
    t.equal(statSync(target).mode & 0o777, 0o640)
    undoChange(change)
    t.ok(lstatSync(link).isSymbolicLink())
    t.equal(readFileSync(target, 'utf8'), before)
    t.strictSame(readdirSync(join(dir.path, 'shared')), [name], 'no draft is left')
  }
  t.end()
})

test('a link to a file that is missing is an error, and stays', t => {
  const { confDir, place } = folders(t)
  const link = join(confDir, 'records.config')
  symlinkSync('missing', link)
  t.throws(() => changeRecord(place, NAME, 'two'), {
    code: 'PTC_CONFIG_UNWRITABLE',
    message: /cannot write \S+records\.config/,
  })
  t.equal(readlinkSync(link), 'missing')
  t.strictSame(readdirSync(confDir), ['records.config'])
  t.end()
})

test('a file that is called as a draft was stays as it is', t => {
  const { dir, confDir, place } = folders(t)
  dir.file('conf/records.config', lineOf('one'))
  const other = dir.file('conf/records.config.new', 'of the operator')
  changeRecord(place, NAME, 'two')
  t.equal(readFileSync(other, 'utf8'), 'of the operator')
  t.equal(readFileSync(join(confDir, 'records.config'), 'utf8'), lineOf('two'))
  t.end()
})

test('a folder that the proxy may not write to is an error, and the file stays', t => {
  const { dir, confDir, place } = folders(t)
  const file = dir.file('conf/records.config', lineOf('one'))
  chmodSync(file, 0o644)
  chmodSync(dir.path, 0o755)
  chmodSync(confDir, 0o555)
  // Root may write everywhere, so root becomes another user for one call.
  const isRoot = process.geteuid?.() === 0
  try {
    if (isRoot) process.seteuid?.(65534)
    t.throws(() => changeRecord(place, NAME, 'two'), {
      code: 'PTC_CONFIG_UNWRITABLE',
      message: /cannot write \S+records\.config: .*(EACCES|EPERM)/,
    })
  } finally {
    if (isRoot) process.seteuid?.(0)
    chmodSync(confDir, 0o755)
  }
  t.equal(readFileSync(file, 'utf8'), lineOf('one'))
  t.strictSame(readdirSync(confDir), ['records.config'])
  t.end()
})
