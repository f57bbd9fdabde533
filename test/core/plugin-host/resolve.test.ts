import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { type PluginPlaces, resolvePlugin } from '../../../core/plugin-host/resolve.js'
import { makeTempDir, type TempDir } from '../../kit/temp-dir.js'
import { pluginLine } from './kit.js'

/** etc/ with plugins/ in it, and two directories of shipped plugins. */
function places(dir: TempDir, stripsTypes = false): PluginPlaces {
  const [confDir, ...shippedDirs] = ['etc', 'shipped', 'samples'].map(name => join(dir.path, name))
  for (const made of [join(confDir ?? '', 'plugins'), ...shippedDirs]) mkdirSync(made, { recursive: true })
  return { confDir: confDir ?? '', pluginDir: 'plugins', shippedDirs, stripsTypes }
}

test('a line of plugin.config is looked for', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const at = places(dir)
  const found = (path: string): Promise<string> => resolvePlugin(pluginLine(path), at)

  t.test(
    'in plugin_dir, which is relative to the configuration, then among shipped plugins and samples',
    async t => {
      const sample = dir.file('samples/a.js', '')
      t.equal(await found('a.so'), sample)
      const shipped = dir.file('shipped/a.js', '')
      t.equal(await found('a.so'), shipped)
      const own = dir.file('etc/plugins/a.js', '')
      t.equal(await found('a.so'), own)
      t.equal(await resolvePlugin(pluginLine('a'), { ...at, pluginDir: join(dir.path, 'samples') }), sample)
    },
  )

  t.test('as .js, .mjs and .ts if it has no extension or Traffic Server’s', async t => {
    const mjs = dir.file('etc/plugins/b.mjs', '')
    t.equal(await found('b'), mjs)
    const js = dir.file('etc/plugins/b.js', '')
    t.equal(await found('b'), js)
    t.equal(await found('b.so'), js)
    t.equal(await found('b.mjs'), mjs, 'and as written if it has one of its own')
    const dotted = dir.file('etc/plugins/pins.v2.js', '')
    t.equal(await found('pins.v2'), dotted)
  })

  t.test('at its absolute path only', async t => {
    const path = dir.file('absolute.js', '')
    t.equal(await found(path), path)
    t.equal(await found(path.replace('.js', '.so')), path)
    await t.rejects(found('/a.js'), { code: 'PTC_PLUGIN_NOT_FOUND', message: /looked at \/a\.js$/ })
  })

  t.test('and what lies there under nearly the same name is a hint', async t => {
    dir.file('samples/async_verify.js', '')
    dir.file('samples/async_verify.d.ts', '')
    await t.rejects(found('async_verfiy.so'), {
      code: 'PTC_PLUGIN_NOT_FOUND',
      message: /async_verfiy\.ts; did you mean async_verify\?$/,
    })
    await t.rejects(found(join(dir.path, 'gone/async_verify')), { message: /gone\/async_verify\.ts$/ })
  })

  t.test('and every place is named if it is nowhere', async t => {
    mkdirSync(join(dir.path, 'etc/plugins/directory.js'))
    const error = await found('directory.so').catch(cause => cause)
    t.equal(error.code, 'PTC_PLUGIN_NOT_FOUND')
    t.match(error.message, "plugin.config:1: plugin directory: 'directory.so' not found")
    for (const folder of ['etc/plugins', 'shipped', 'samples']) {
      for (const extension of ['.js', '.mjs', '.ts']) {
        t.match(error.message, join(dir.path, folder, `directory${extension}`))
      }
    }
  })
})

test('a TypeScript plugin', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const at = places(dir)
  const own = dir.file('etc/plugins/typed.ts', '')
  dir.file('shipped/typed.js', '')

  t.test('runs as it is where Node strips types', async t => {
    t.equal(await resolvePlugin(pluginLine('typed.so'), { ...at, stripsTypes: true }), own)
  })

  t.test(
    'is a clear error where Node does not, even if another directory has a plugin of that name',
    async t => {
      for (const path of ['typed.so', 'typed.ts', own]) {
        await t.rejects(resolvePlugin(pluginLine(path), at), {
          code: 'PTC_PLUGIN_TYPESCRIPT',
          message: /plugin\.config:1: plugin typed: .*typed\.ts is TypeScript.*22\.18/,
        })
      }
    },
  )
})
