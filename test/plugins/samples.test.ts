import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { openKit } from '../../core/testing/kit.js'
import { atEnd } from '../kit/at-end.js'
import { makeAuthority } from '../kit/pki.js'
import { makeTempDir } from '../kit/temp-dir.js'

const at = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))
const compiled = at('../../sample-plugins/')
const sources = at('../../../sample-plugins/')
const names = readdirSync(sources).filter(name => name.endsWith('.ts'))
const stripsTypes = 'typescript' in process.features && Boolean(process.features.typescript)
const dir = makeTempDir()

/** What those that need some get on their lines. */
const OPTIONS: Readonly<Record<string, string>> = {
  'ask_service.ts': 'url=http://127.0.0.1:1/',
  'private_issuer.ts': `hosts=a.example ca=${dir.file('ca.pem', (await makeAuthority({ name: 'Samples' })).certPem)}`,
  'spki_pin.ts': `hosts=a.example pins=${'A'.repeat(43)}=`,
}

test('every sample', async t => {
  for (const source of names) {
    t.test(`${source} needs nothing at run time but Node and its context`, async t => {
      const text = readFileSync(compiled + source.replace('.ts', '.js'), 'utf8')
      t.notMatch(text, /^\s*import\b(?!.* from 'node:)|\bimport\(|\brequire\(/m)
    })

    const skip = stripsTypes ? false : 'this Node does not strip types'
    t.test(`${source} runs as the TypeScript it is`, { skip }, async t => {
      const line = `${source} ${OPTIONS[source] ?? ''}`
      const kit = await openKit(new URL('../../../sample-plugins/a.test.ts', import.meta.url), line)
      t.strictSame(kit.log, [])
      kit.close()
    })
  }

  t.test('has its place in the order of reading', async t => {
    const listed = [...readFileSync(`${sources}README.md`, 'utf8').matchAll(/^\d+\. \[(\w+\.ts)\]\(\1\): /gm)]
    t.strictSame(listed.map(([, name]) => name).sort(), [...names].sort())
    t.equal(listed[0]?.[1], 'async_verify.ts', 'which begins with the one to start from')
  })
})

atEnd(() => dir.remove())
