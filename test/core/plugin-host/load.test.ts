/** Longer than 250 lines because every way in which a plugin can fail to load is one small test here. */
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { loadPlugins, type PluginEnv } from '../../../core/plugin-host/load.js'
import { type HostKit, makeHost, pluginLine } from './kit.js'

/** What the plugins of these tests did, in order. They find it as `globalThis.did`. */
const did: string[] = []
Object.assign(globalThis, { did })

type Teardown = { teardown(fn: () => void): void }

function host(t: Teardown, overrides?: Partial<PluginEnv>): HostKit {
  did.length = 0
  const kit = makeHost(overrides)
  t.teardown(kit.dir.remove)
  return kit
}

const HOOKS_VERIFY = (id: string): string =>
  `export default ({ name, hookAdd }) => hookAdd('${id}', () => { did.push(name) })`

test('plugins are loaded', async t => {
  t.test('in the order of their lines, one after another, however long each init takes', async t => {
    const { dir, env, log } = host(t)
    const slow = dir.file(
      'slow.mjs',
      `export default async ({ hookAdd, argv, signal }) => {
        did.push('slow ' + argv.join(' '))
        await new Promise(resolve => setTimeout(resolve, 30))
        hookAdd('TS_SSL_CERT_VERIFY_HOOK', () => { did.push('slow called') })
      }`,
    )
    const quick = dir.file(
      'quick.mjs',
      `export default ({ hookAdd, argv }) => {
        did.push('quick ' + argv.join(' '))
        hookAdd('TS_SSL_VERIFY_SERVER_HOOK', () => { did.push('quick called') })
      }`,
    )
    const set = await loadPlugins(
      [pluginLine('slow.so', 2, 'a'), pluginLine('quick', 5), pluginLine(quick, 6)],
      env,
    )
    t.strictSame(did, ['slow slow.so a', 'quick quick', `quick ${quick}`])
    const hooked = set.registry.on('TS_SSL_CERT_VERIFY_HOOK')
    t.strictSame(
      hooked.map(({ plugin }) => `${plugin.line} ${plugin.name}`),
      ['2 slow', '5 quick', '6 quick'],
    )
    t.strictSame(set.names, ['slow', 'quick', 'quick'])
    t.equal(set.registry.isSealed, true)
    t.strictSame(log, [
      'NOTE plugin.config loading ...',
      `NOTE loading plugin '${slow}'`,
      `NOTE loading plugin '${quick}'`,
      `NOTE loading plugin '${quick}'`,
      'NOTE plugin.config finished loading',
    ])
  })

  t.test('with what their lines say about their answers', async t => {
    const { dir, env } = host(t)
    dir.file('a.mjs', HOOKS_VERIFY('TS_VCONN_CLOSE_HOOK'))
    const line = pluginLine('a')
    const options = { deadline: 5000, isolate: 'none', mode: 'shadow', late: 'builtin' } as const
    const set = await loadPlugins([{ ...line, options }], env)
    const own = { deadline: 5000, mode: 'shadow', late: 'builtin', isIsolated: false }
    const plugin = { name: 'a', line: 1, ...own }
    t.strictSame(set.registry.on('TS_VCONN_CLOSE_HOOK')[0]?.plugin, plugin)
  })

  t.test('no plugins are loaded from no lines', async t => {
    const set = await loadPlugins([], host(t).env)
    t.strictSame(set.names, [])
    t.equal(set.registry.isSealed, true)
  })

  t.test('by the given stand-in if they are isolated, and not at all without one', async t => {
    const { dir, env } = host(t)
    dir.file('a.mjs', 'throw new Error("this module must not run here")')
    const line = pluginLine('a')
    const isolated = { ...line, options: { ...line.options, isolate: 'worker' as const } }
    await t.rejects(loadPlugins([isolated], env), {
      code: 'PTC_PLUGIN_CONFIG_INVALID',
      message: /:1: plugin a: @isolate/,
    })
    const set = await loadPlugins([isolated], {
      ...env,
      isolate:
        async (_path, { name }) =>
        ({ hookAdd }) =>
          hookAdd('TS_VCONN_CLOSE_HOOK', () => void did.push(name)),
    })
    t.equal(set.registry.on('TS_VCONN_CLOSE_HOOK').length, 1)
  })
})

test('an ES module that a package.json calls CommonJS says so', async t => {
  const { dir, env } = host(t)
  dir.file('package.json', '{ "type": "commonjs" }')
  dir.file('a.js', 'export default () => {}')
  await t.rejects(loadPlugins([pluginLine('a.js')], env), {
    code: 'PTC_PLUGIN_INIT_FAILED',
    message: /a\.js: .*; the nearest package\.json says that it is CommonJS: rename it to \.mjs/,
  })
})

test('a plugin that cannot be loaded stops the start, and is named with its line', async t => {
  const cases: [string, string, Record<string, unknown>][] = [
    [
      'has no default export',
      'export const init = () => {}',
      { code: 'PTC_PLUGIN_SHAPE', message: /exports nothing as default/ },
    ],
    [
      'exports something else',
      'export default { init() {} }',
      { code: 'PTC_PLUGIN_SHAPE', message: /a value of type object/ },
    ],
    [
      'has a syntax error',
      'export default\n  () => {{',
      {
        code: 'PTC_PLUGIN_INIT_FAILED',
        message: /Unexpected end of input \(`node --check \/.*bad\.mjs` shows where\)/,
      },
    ],
    [
      'imports what is not there',
      'import "not-there"',
      { code: 'PTC_PLUGIN_INIT_FAILED', message: /not-there/ },
    ],
    [
      'throws while it is imported',
      'throw new Error("on import")',
      { code: 'PTC_PLUGIN_INIT_FAILED', message: /on import/ },
    ],
    [
      'throws in its init',
      'export default () => { throw new Error("boom") }',
      { code: 'PTC_PLUGIN_INIT_FAILED', message: /init failed: boom/, cause: { message: 'boom' } },
    ],
    [
      'rejects in its init',
      'export default async () => { throw "boom" }',
      { code: 'PTC_PLUGIN_INIT_FAILED', message: /init failed: boom/, cause: 'boom' },
    ],
    [
      'asks for an unknown hook',
      HOOKS_VERIFY('TS_SSL_CERT_VERIFY_HOOKS'),
      { code: 'PTC_HOOK_UNKNOWN', message: /did you mean TS_SSL_CERT_VERIFY_HOOK\?/ },
    ],
    [
      'hooks what is no function',
      'export default ({ hookAdd }) => hookAdd("TS_VCONN_CLOSE_HOOK", 1)',
      { code: 'PTC_PLUGIN_SHAPE', message: /not number/ },
    ],
    [
      'does not finish its init',
      'export default () => new Promise(() => {})',
      { code: 'PTC_PLUGIN_INIT_SLOW', message: /not finished after 60 ms/ },
    ],
    [
      'does not finish its import',
      'await new Promise(() => {}); export default () => {}',
      { code: 'PTC_PLUGIN_INIT_SLOW' },
    ],
  ]
  for (const [what, source, expected] of cases) {
    t.test(what, async t => {
      const { dir, env, log } = host(t, {
        initTimeout: expected['code'] === 'PTC_PLUGIN_INIT_SLOW' ? 60 : 5000,
      })
      dir.file('bad.mjs', source)
      const error = await loadPlugins([pluginLine('bad', 7)], env).catch(cause => cause)
      t.match(error, { name: 'ProxyError', ...expected })
      t.match(error.message, /^plugin\.config:7: plugin bad: /)
      t.notOk(log.includes('NOTE plugin.config finished loading'))
    })
  }

  t.test('a plugin that is nowhere is not found', async t => {
    await t.rejects(loadPlugins([pluginLine('missing.so', 3)], host(t).env), {
      code: 'PTC_PLUGIN_NOT_FOUND',
      message: /^plugin\.config:3: plugin missing: 'missing\.so' not found/,
    })
  })

  t.test('a plugin that cannot be loaded has those before it unloaded', async t => {
    const { dir, env } = host(t)
    dir.file(
      'first.mjs',
      `export default ({ schedule, signal }) => {
        schedule(() => { did.push('timer') }, 500)
        signal.addEventListener('abort', () => did.push('unloaded'))
      }`,
    )
    dir.file('second.mjs', 'export default () => { throw new Error("boom") }')
    await t.rejects(loadPlugins([pluginLine('first'), pluginLine('second', 2)], env))
    await sleep(550)
    t.strictSame(did, ['unloaded'])
  })
})

test('hookAdd after init is refused', async t => {
  const { dir, env } = host(t)
  dir.file(
    'late.mjs',
    `export default ({ hookAdd }) => {
      setTimeout(() => {
        try { hookAdd('TS_VCONN_CLOSE_HOOK', () => {}) } catch (cause) { did.push(cause.code) }
      }, 5)
    }`,
  )
  // Its init runs while the first plugin tries.
  dir.file('next.mjs', 'export default () => new Promise(resolve => setTimeout(resolve, 40))')
  const set = await loadPlugins([pluginLine('late'), pluginLine('next', 2)], env)
  t.strictSame(did, ['PTC_HOOKS_SEALED'])
  t.strictSame(set.registry.on('TS_VCONN_CLOSE_HOOK'), [])
})

test('a reload runs the file as it is now, with state of its own', async t => {
  const { dir, env } = host(t)
  const sources = {
    'module.mjs': (v: string) => `let inits = 0; export default () => { did.push('module ${v} ' + ++inits) }`,
    'common.cjs': (v: string) =>
      `let inits = 0; module.exports = () => { did.push('common ${v} ' + ++inits) }`,
  }
  const lines = [pluginLine('module.mjs'), pluginLine('common.cjs', 2)]
  for (const version of ['one', 'two', 'two']) {
    for (const [name, source] of Object.entries(sources)) dir.file(name, source(version))
    const set = await loadPlugins(lines, env)
    set.unload()
  }
  t.strictSame(did, [
    'module one 1',
    'common one 1',
    'module two 1',
    'common two 1',
    'module two 1',
    'common two 1',
  ])
})

test('unloading stops timers and aborts signals, last line first, once', async t => {
  const { dir, env } = host(t)
  dir.file(
    'a.mjs',
    `export default ({ argv, schedule, signal }) => {
      schedule(() => { did.push('timer') }, 1000) // longer than loading the other one takes
      signal.addEventListener('abort', () => {
        did.push('unloaded ' + argv[1])
        schedule(() => { did.push('too late') }, 0)
      })
    }`,
  )
  const set = await loadPlugins([pluginLine('a', 1, 'one'), pluginLine('a', 2, 'two')], env)
  set.unload()
  set.unload()
  await sleep(1100)
  t.strictSame(did, ['unloaded two', 'unloaded one'])
})
