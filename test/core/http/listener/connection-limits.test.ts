import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'tap'
import { ConnectionCounts } from '../../../../core/http/listener/connection-limits.js'

const socket = (remoteAddress: string): Socket =>
  Object.assign(new EventEmitter(), {
    remoteAddress,
    destroy: () => undefined,
    resetAndDestroy: () => undefined,
  }) as unknown as Socket

/** One that writes down that it was reset, and is closed a moment later, as sockets are. */
function noted(remoteAddress: string, resets: string[], name: string): Socket {
  const made = socket(remoteAddress)
  return Object.assign(made, {
    resetAndDestroy: () => {
      resets.push(name)
      queueMicrotask(() => made.emit('close'))
    },
  })
}

test('a client is its network: the addresses of one IPv6 customer are counted together', async t => {
  const counts = new ConnectionCounts(
    () => ({ total: 100, perClient: 2 }),
    () => undefined,
  )
  const first = socket('2001:db8:1:2::1')
  t.ok(counts.take(first))
  t.ok(counts.take(socket('2001:db8:1:2:ffff::2')))
  t.notOk(counts.take(socket('2001:db8:1:2:3:4:5:6')), 'the third of one /64')
  t.ok(counts.take(socket('2001:db8:1:3::1')), 'another /64')
  t.ok(counts.take(socket('192.0.2.1')))
  t.ok(counts.take(socket('::ffff:192.0.2.1')))
  t.notOk(counts.take(socket('192.0.2.1')), 'one IPv4 address in both spellings')
  first.emit('close')
  t.ok(counts.take(socket('2001:db8:1:2::3')), 'a place that was left')
})

test('where the total is reached, the network with the most connections makes room for one with fewer', async t => {
  const lines: string[] = []
  let total = 6
  const counts = new ConnectionCounts(
    () => ({ total, perClient: 0 }),
    line => lines.push(line),
  )
  const resets: string[] = []
  const open = (address: string, name: string): boolean => counts.take(noted(address, resets, name))
  for (let i = 0; i < 6; i++) t.ok(open('10.0.0.1', `many ${i}`))
  t.notOk(open('10.0.0.1', 'too many'), 'not for itself')
  t.ok(open('10.0.0.2', 'one'))
  t.ok(open('10.0.0.3', 'two'))
  t.same(resets, ['many 5', 'many 4'], 'the newest')
  await new Promise(setImmediate)
  t.equal(counts.open, 6, 'what was reset is counted once')
  t.ok(open('10.0.0.2', 'three'))
  t.ok(open('10.0.0.3', 'four'))
  for (const address of ['10.0.0.1', '10.0.0.2', '10.0.0.3'])
    t.notOk(open(address, 'five'), 'not among equals')
  t.equal(resets.length, 4)
  t.match(lines, [/refused or closed: 1; connections_throttle \(6\) is reached/], 'one line in 10 s')
  total = 2
  t.notOk(open('10.0.0.9', 'new'), 'after a reload with a smaller limit there is no room at first')
})
