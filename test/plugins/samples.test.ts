import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { loadPlugins } from '../../core/plugin-host/load.js'
import { makeHost, pluginLine } from '../core/plugin-host/kit.js'

const at = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))
const compiled = at('../../sample-plugins/')
const sources = at('../../../sample-plugins/')
const stripsTypes = 'typescript' in process.features && Boolean(process.features.typescript)

test('every sample', async t => {
  for (const source of readdirSync(sources).filter(name => name.endsWith('.ts'))) {
    t.test(`${source} needs nothing at run time but its context`, async t => {
      const text = readFileSync(compiled + source.replace('.ts', '.js'), 'utf8')
      t.notMatch(text, /^\s*import\b|\bimport\(|\brequire\(/m)
    })

    const skip = stripsTypes ? false : 'this Node does not strip types'
    t.test(`${source} runs as the TypeScript it is`, { skip }, async t => {
      const host = makeHost({ stripsTypes })
      t.teardown(host.dir.remove)
      const set = await loadPlugins([pluginLine(sources + source)], host.env)
      t.strictSame(set.names, [source.replace('.ts', '')])
      set.unload()
    })
  }
})
