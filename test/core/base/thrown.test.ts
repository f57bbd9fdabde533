import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { describeThrown } from '../../../core/base/thrown.js'

/** What a module of a plugin's author throws. */
async function thrownBy(name: string, body: string): Promise<{ cause: unknown; file: string }> {
  const file = join(mkdtempSync(join(tmpdir(), 'thrown-')), name)
  writeFileSync(file, body)
  const { default: call } = (await import(`${pathToFileURL(file).href}?load=2`)) as { default: () => unknown }
  try {
    call()
  } catch (cause) {
    return { cause, file }
  }
  throw new Error('it did not throw')
}

t.test('a message comes with the place in the file that threw', async t => {
  const { cause, file } = await thrownBy('my plugin.mjs', 'export default () => {\n  undefined.x\n}\n')
  t.equal(describeThrown(cause), `Cannot read properties of undefined (reading 'x') (at ${file}:2:13)`)
})

t.test('an error without a place of its own gets the place of its cause', async t => {
  const { cause, file } = await thrownBy('a.mjs', "export default () => { throw new Error('no') }\n")
  const outer = new Error('failed', { cause })
  outer.stack = ''
  t.equal(describeThrown(outer), `failed (at ${file}:1:30)`)
})

t.test('a thrown value that is no error is described as it is', async t => {
  t.equal(describeThrown('no'), 'no')
  t.equal(describeThrown(undefined), 'undefined')
  const bare = new Error('bare')
  bare.stack = ''
  t.equal(describeThrown(bare), 'bare')
})
