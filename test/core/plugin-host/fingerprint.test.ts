/** Whether plugins of two machines count as the same. */
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { parsePluginConfig } from '../../../core/config/plugin-config.js'
import { fingerprintsOf } from '../../../core/plugin-host/fingerprint.js'
import { makeTempDir } from '../../kit/temp-dir.js'

test('equal lines, code and files make equal fingerprints, wherever they lie', async t => {
  const machine = (line = 'pins.mjs pins=pins.txt rules.d', files: Readonly<Record<string, string>> = {}) => {
    const dir = makeTempDir()
    t.teardown(dir.remove)
    const all = {
      'plugins/pins.mjs': 'code',
      'plugins/lib.mjs': 'lib',
      'plugins/notes.txt': 'notes',
      'pins.txt': 'a pin',
      'rules.d/a': 'rule',
      ...files,
    }
    for (const [name, text] of Object.entries(all)) dir.file(name, text)
    const [parsed] = parsePluginConfig(line, 'plugin.config', {})
    if (parsed === undefined) throw new Error('no line')
    const path = join(dir.path, 'plugins/pins.mjs')
    const { code, data } = fingerprintsOf([{ line: parsed, path }], dir.path)
    return `${code} ${data.get(parsed.line)}`
  }
  const one = machine()
  t.equal(machine(), one)
  t.equal(machine(undefined, { 'plugins/notes.txt': 'others' }), one, 'what is no code beside it')
  t.equal(machine(undefined, { 'other.txt': 'x' }), one, 'a file that no line names')
  const others = {
    'an option': machine('pins.mjs pins=pins.txt rules.d strict'),
    'an @option': machine('pins.mjs @deadline=5 pins=pins.txt rules.d'),
    'another line': machine('\npins.mjs pins=pins.txt rules.d'),
    'its code': machine(undefined, { 'plugins/pins.mjs': 'other' }),
    'code beside it': machine(undefined, { 'plugins/lib.mjs': 'other' }),
    'more code beside it': machine(undefined, { 'plugins/more.mjs': '' }),
    'a file that an option names': machine(undefined, { 'pins.txt': 'another pin' }),
    'a file in a folder that it names': machine(undefined, { 'rules.d/a': 'other' }),
    'a new file in that folder': machine(undefined, { 'rules.d/b': '' }),
    'a file in a folder below it': machine(undefined, { 'rules.d/more/b': '1' }),
    'another content of that': machine(undefined, { 'rules.d/more/b': '2' }),
  }
  for (const [what, other] of Object.entries(others)) t.not(other, one, what)
  t.equal(new Set(Object.values(others)).size, Object.keys(others).length)
  const only = (what: keyof typeof others): boolean[] =>
    others[what].split(' ').map((part, i) => part === one.split(' ')[i])
  t.same(only('its code'), [false, true])
  t.same(only('a file that an option names'), [true, false], 'which counts for that plugin alone')
  const many = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`rules.d/${i}`, '']))
  t.not(machine(undefined, many), machine(undefined, many), 'what is too much is like nothing else')
})

test('a path that leads round in a circle equals no other, and ends', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  dir.file('rules.d/a', 'rule')
  const [line] = parsePluginConfig('pins.mjs rules.d', 'plugin.config', {})
  if (line === undefined) throw new Error('no line')
  const data = (): unknown =>
    fingerprintsOf([{ line, path: join(dir.path, 'pins.mjs') }], dir.path).data.get(1)
  t.equal(data(), data())
  symlinkSync('../rules.d', join(dir.path, 'rules.d/round'))
  t.not(data(), data())
})

test('a folder that cannot be read equals no other', async t => {
  const [line] = parsePluginConfig('pins.mjs', 'plugin.config', {})
  if (line === undefined) throw new Error('no line')
  const code = (): string => fingerprintsOf([{ line, path: '/nonexistent/plugins/pins.mjs' }], '/').code
  t.not(code(), code())
})
