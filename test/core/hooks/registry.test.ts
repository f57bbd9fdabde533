import { test } from 'tap'
import type { VConn } from '../../../core/api/vconn.js'
import { HOOK_IDS } from '../../../core/hooks/hook-ids.js'
import { HookRegistry, type PluginRef } from '../../../core/hooks/registry.js'

const plugin = (name: string, line: number): PluginRef => ({ name, line, mode: 'enforce', late: 'reject' })

test('the hook registry', async t => {
  t.test('keeps continuations in the order of plugin.config, with the plugin they belong to', async t => {
    const registry = new HookRegistry()
    const [one, two] = [plugin('one', 3), plugin('two', 7)]
    const continuation = (_: VConn): void => {}
    registry.add(one, 'TS_VCONN_START_HOOK', continuation)
    registry.add(two, 'TS_VCONN_START_HOOK', continuation)
    registry.add(two, 'TS_VCONN_START_HOOK', continuation)
    registry.seal()
    t.strictSame(
      registry.on('TS_VCONN_START_HOOK').map(hooked => hooked.plugin),
      [one, two, two],
    )
    t.equal(registry.on('TS_VCONN_START_HOOK')[0]?.continuation, continuation)
    t.strictSame(registry.on('TS_VCONN_CLOSE_HOOK'), [], 'and other hooks stay empty')
  })

  t.test('knows the names that Traffic Server and the proof of concept used', async t => {
    const registry = new HookRegistry()
    registry.add(plugin('a', 1), 'TS_SSL_VERIFY_SERVER_HOOK', () => {})
    registry.add(plugin('a', 1), 'TS_SSL_SERVER_VERIFY_HOOK', () => {})
    registry.add(plugin('a', 1), 'TS_VCONN_PRE_ACCEPT_HOOK', () => {})
    t.equal(registry.on('TS_SSL_CERT_VERIFY_HOOK').length, 2)
    t.equal(registry.on('TS_VCONN_START_HOOK').length, 1)
  })

  t.test('answers an unknown hook with the nearest name', async t => {
    const registry = new HookRegistry()
    const add = (id: string) => () => registry.add(plugin('a', 1), id, () => {})
    const unknown = { code: 'PTC_HOOK_UNKNOWN' }
    t.throws(add('TS_SSL_CERT_VERFY_HOOK'), { ...unknown, message: /mean TS_SSL_CERT_VERIFY_HOOK\?/ })
    t.throws(add('ts_vconn_close_hook'), { ...unknown, message: /mean TS_VCONN_CLOSE_HOOK\?/ })
    t.throws(add('on_request'), {
      ...unknown,
      message: /known are .*TS_VCONN_START_HOOK, .*TS_SSL_VERIFY_SERVER_HOOK/,
    })
    t.throws(add('__proto__'), unknown)
    t.throws(add('constructor'), unknown)
    t.throws(add(undefined as unknown as string), unknown)
  })

  t.test('takes functions only', async t => {
    const registry = new HookRegistry()
    const add = () => registry.add(plugin('a', 1), 'TS_VCONN_CLOSE_HOOK', { handle() {} })
    t.throws(add, { code: 'PTC_PLUGIN_SHAPE', message: /takes a function, not object/ })
  })

  t.test('changes no more once it is sealed', async t => {
    const registry = new HookRegistry()
    registry.seal()
    t.equal(registry.isSealed, true)
    const late = () => registry.add(plugin('a', 1), 'TS_VCONN_CLOSE_HOOK', () => {})
    t.throws(late, { code: 'PTC_HOOKS_SEALED', message: /plugin a/ })
    for (const id of HOOK_IDS) t.ok(Object.isFrozen(registry.on(id)), id)
    t.equal(registry.on('TS_VCONN_CLOSE_HOOK'), registry.on('TS_VCONN_CLOSE_HOOK'), 'reading makes no copy')
  })
})
