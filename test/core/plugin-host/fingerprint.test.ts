/** Whether plugins of two machines count as the same. */
import { join } from 'node:path'
import { test } from 'tap'
import { parsePluginConfig } from '../../../core/config/plugin-config.js'
import { fingerprintOf } from '../../../core/plugin-host/fingerprint.js'
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
    return fingerprintOf([{ line: parsed, path: join(dir.path, 'plugins/pins.mjs') }], dir.path)
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
  }
  for (const [what, other] of Object.entries(others)) t.not(other, one, what)
  t.equal(new Set(Object.values(others)).size, Object.keys(others).length)
  t.not(fingerprintOf([], '/'), one)
})
