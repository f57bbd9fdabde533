import { test } from 'tap'
import type { HookId } from '../../../core/api/hooks.js'
import type { VConn } from '../../../core/api/vconn.js'
import { VConns } from '../../../core/compose/vconns.js'
import { HookRegistry } from '../../../core/hooks/registry.js'

const ENDS = { remoteAddress: '127.0.0.1:1', localAddress: '127.0.0.1:2' }
const plugin = { name: 'one', line: 1, mode: 'enforce', late: 'reject' } as const
const HOOKS = [
  'TS_VCONN_START_HOOK',
  'TS_VCONN_CLOSE_HOOK',
  'TS_VCONN_OUTBOUND_START_HOOK',
  'TS_VCONN_OUTBOUND_CLOSE_HOOK',
] as const satisfies HookId[]

test('plugins are told of the start of a connection, and once of its end', async t => {
  for (const [direction, start, close] of [
    ['inbound', 'TS_VCONN_START_HOOK', 'TS_VCONN_CLOSE_HOOK'],
    ['outbound', 'TS_VCONN_OUTBOUND_START_HOOK', 'TS_VCONN_OUTBOUND_CLOSE_HOOK'],
  ] as const) {
    const registry = new HookRegistry()
    const told: [string, number][] = []
    for (const hook of HOOKS) registry.add(plugin, hook, (vconn: VConn) => void told.push([hook, vconn.id]))
    registry.seal()
    const vconn = new VConns(registry, t.fail).open(direction, ENDS)
    t.same(told, [[start, vconn.shown.id]])
    vconn.close()
    vconn.close()
    t.same(told, [
      [start, vconn.shown.id],
      [close, vconn.shown.id],
    ])
  }
})

test("a plugin that fails on such a hook is told of, and stands in nobody's way", async t => {
  const registry = new HookRegistry()
  const told: string[] = []
  registry.add(plugin, 'TS_VCONN_START_HOOK', () => {
    throw new Error('no')
  })
  registry.add(plugin, 'TS_VCONN_START_HOOK', async () => {
    throw new Error('no, later')
  })
  registry.add(plugin, 'TS_VCONN_START_HOOK', () => void told.push('asked'))
  registry.seal()
  const errors: string[] = []
  new VConns(registry, message => errors.push(message)).open('inbound', ENDS)
  await new Promise(setImmediate)
  t.same(told, ['asked'])
  t.same(errors, [
    'plugin one failed on TS_VCONN_START_HOOK: no',
    'plugin one failed on TS_VCONN_START_HOOK: no, later',
  ])
})
