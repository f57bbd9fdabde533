import { test } from 'tap'
import type { HookId } from '../../../../core/api/hooks.js'
import type { Parked } from '../../../../core/api/parked.js'
import type { VConn } from '../../../../core/api/vconn.js'
import { reject, type Verdict } from '../../../../core/api/verdict.js'
import { HookRegistry } from '../../../../core/hooks/registry.js'
import { InFlight } from '../../../../core/program/in-flight.js'
import { HookPoints } from '../../../../core/program/wiring/hook-points.js'
import { VConns } from '../../../../core/program/wiring/vconns.js'

const ENDS = { remoteAddress: '127.0.0.1:1', localAddress: '127.0.0.1:2' }
const plugin = { name: 'one', line: 1, mode: 'enforce', late: 'reject' } as const
const ORIGIN = { host: 'origin.example', port: 443 }
const DIRECTIONS = [
  ['inbound', 'TS_VCONN_START_HOOK', 'TS_VCONN_CLOSE_HOOK'],
  ['outbound', 'TS_VCONN_OUTBOUND_START_HOOK', 'TS_VCONN_OUTBOUND_CLOSE_HOOK'],
] as const satisfies readonly (readonly [VConn['direction'], HookId, HookId])[]

type Direction = (typeof DIRECTIONS)[number]

/** One plugin on the start and the close of connections in one direction. */
function setUp([direction, start, close]: Direction, answer: (event: Parked) => unknown, deadline = 1000) {
  const registry = new HookRegistry()
  const told: [string, number][] = []
  const log: string[] = []
  registry.add(plugin, start, (event: Parked) => {
    told.push([start, event.vconn.id])
    return answer(event)
  })
  registry.add(plugin, close, (vconn: VConn) => void told.push([close, vconn.id]))
  registry.seal()
  const observer = {
    ignoredReenable: (name: string, about: string, why: string) =>
      log.push(`${name} ignored ${about} ${why}`),
    pluginFailed: (name: string, about: string, cause: unknown) =>
      log.push(`${name} failed ${about} ${cause}`),
  }
  const inFlight = { waits: new InFlight(), transactions: new InFlight() }
  const points = new HookPoints({ registry, deadline, observer, inFlight })
  const vconns = new VConns(registry, points, message => log.push(message))
  const ends: (string | undefined)[] = []
  const onEnd = (_: unknown, why: { readonly message: string } | undefined): void =>
    void ends.push(why?.message)
  const open = () =>
    direction === 'inbound' ? vconns.startClient(ENDS, onEnd) : vconns.askOrigin(ENDS, ORIGIN, onEnd)
  return { open, told, log, ends, waits: inFlight.waits }
}

for (const direction of DIRECTIONS) {
  const [name, start, close] = direction

  test(`${name}: plugins are asked about the start of a connection, and told once of its end`, async t => {
    const { open, told, ends } = setUp(direction, ({ reenable }) => reenable())
    const vconn = open()
    t.same(ends, [undefined], 'an answer at once is heard at once')
    vconn.close()
    vconn.close()
    t.same(told, [
      [start, vconn.shown.id],
      [close, vconn.shown.id],
    ])
  })

  test(`${name}: it waits until the plugin reenables`, async t => {
    let event: Parked | undefined
    const { open, ends, log, waits } = setUp(direction, parked => {
      event = parked
    })
    open()
    await new Promise(setImmediate)
    t.same([ends, waits.count], [[], 1], 'to return is no answer')
    t.equal(event?.reenable(), 'counted')
    t.equal(event?.reenable(reject('policy')), 'ignored')
    t.same([ends, waits.count], [[undefined], 0])
    t.match(log, [/^one ignored .* second$/])
  })

  test(`${name}: a refusal, a failure and silence are no`, async t => {
    const cases: readonly (readonly [(event: Parked) => unknown, RegExp])[] = [
      [({ reenable }) => reenable(reject('policy', 'not you')), /^plugin one refused .*: policy, not you$/],
      [({ reenable }) => reenable('yes' as unknown as Verdict), /^plugin one refused .*internal/],
      [() => Promise.reject(new Error('no')), /^plugin one failed/],
      [() => {}, /^plugin one did not answer/],
    ]
    for (const [answer, expected] of cases) {
      const { open, ends } = setUp(direction, answer, 20)
      open()
      await new Promise(resolve => setTimeout(resolve, 60))
      t.equal(ends.length, 1)
      t.match(ends[0], expected)
    }
  })

  test(`${name}: a connection that ends while it is parked`, async t => {
    let event: Parked | undefined
    const { open, told, ends, log, waits } = setUp(direction, parked => {
      event = parked
    })
    const vconn = open()
    vconn.close()
    t.equal(event?.signal.aborted, true)
    t.equal(event?.reenable(), 'ignored')
    t.same([ends, waits.count], [[], 0], 'nobody hears of an answer')
    t.same(told.slice(1), [[close, vconn.shown.id]], 'the close hook is called once')
    t.match(log, [/^one ignored .* late$/])
  })
}

test('a plugin that fails on the close hook is reported, and stops nothing else', async t => {
  const registry = new HookRegistry()
  const told: string[] = []
  registry.add(plugin, 'TS_VCONN_CLOSE_HOOK', () => {
    throw new Error('no')
  })
  registry.add(plugin, 'TS_VCONN_CLOSE_HOOK', async () => {
    throw new Error('no, later')
  })
  registry.add(plugin, 'TS_VCONN_CLOSE_HOOK', () => void told.push('told'))
  registry.seal()
  const errors: string[] = []
  const none = { start: undefined, outboundStart: undefined }
  const vconns = new VConns(registry, none, message => errors.push(message))
  vconns.startClient(ENDS, () => {}).close()
  await new Promise(setImmediate)
  t.same(told, ['told'])
  t.match(errors, [
    /^plugin one failed on TS_VCONN_CLOSE_HOOK: no \(at .*vconns\.test\.\w+:\d+:\d+\)$/,
    /^plugin one failed on TS_VCONN_CLOSE_HOOK: no, later \(at /,
  ])
})
