import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'tap'
import { ConnectionCounts } from '../../../../core/http/listener/connection-limits.js'

const socket = (remoteAddress: string): Socket =>
  Object.assign(new EventEmitter(), { remoteAddress, destroy: () => undefined }) as unknown as Socket

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
