import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { HookRegistry } from '../../../core/hooks/registry.js'
import { PluginInstance } from '../../../core/plugin-host/context.js'
import { makeHost, pluginLine } from './kit.js'

test("a plugin's context", async t => {
  const { dir, env, log } = makeHost()
  t.teardown(dir.remove)
  const registry = new HookRegistry()
  const instance = new PluginInstance(pluginLine('/opt/pins.so', 4, 'x'), registry, env)
  const { context } = instance

  t.test('says which plugin it is, and makes verdicts', async t => {
    t.equal(context.name, 'pins')
    t.strictSame(context.argv, ['/opt/pins.so', 'x'])
    t.ok(Object.isFrozen(context) && Object.isFrozen(context.argv))
    t.strictSame(context.accept(), { kind: 'accept' })
    t.strictSame(context.reject('policy', 'why'), { kind: 'reject', reason: 'policy', detail: 'why' })
  })

  t.test('logs in the plugin’s name, whatever it is taken off', async t => {
    const { debug, note, error } = context
    debug('one')
    debug('two', 'other')
    note('three')
    error('four')
    t.strictSame(log, ['DEBUG pins one', 'DEBUG other two', 'NOTE [pins] three', 'ERROR [pins] four'])
  })

  t.test('knows whether a debug line would be written', async t => {
    t.equal(context.isDebugOn(), true, 'where nobody can tell')
    const isOn = (tag: string): boolean => tag === 'other'
    const quietEnv = { ...env, diags: { ...env.diags, isOn } }
    const { context: quiet } = new PluginInstance(pluginLine('/opt/pins.so', 4), new HookRegistry(), quietEnv)
    t.equal(quiet.isDebugOn(), false)
    t.equal(quiet.isDebugOn('other'), true)
  })

  t.test('schedules, and logs what a scheduled function throws', async t => {
    log.length = 0
    context.schedule(() => {
      throw new Error('now')
    }, 0)
    context.schedule(() => Promise.reject(new Error('later')), 1)
    await sleep(20)
    t.match(log, [
      /^ERROR \[pins\] scheduled function failed: now \(at .*context\.test/,
      /^ERROR \[pins\] scheduled function failed: later \(at .*context\.test/,
    ])
  })

  t.test('adds to hooks during init only', async t => {
    context.hookAdd('TS_VCONN_CLOSE_HOOK', () => {})
    t.equal(registry.on('TS_VCONN_CLOSE_HOOK')[0]?.plugin, instance.ref)
    instance.endInit()
    const late = () => context.hookAdd('TS_VCONN_CLOSE_HOOK', () => {})
    t.throws(late, { code: 'PTC_HOOKS_SEALED', message: /plugin pins/ })
    t.equal(registry.on('TS_VCONN_CLOSE_HOOK').length, 1)
  })

  t.test('ends with the plugin', async t => {
    log.length = 0
    context.schedule(() => context.note('timer'), 1)
    t.equal(context.signal.aborted, false)
    instance.unload()
    t.equal(context.signal.aborted, true)
    await sleep(10)
    t.strictSame(log, [])
  })
})
