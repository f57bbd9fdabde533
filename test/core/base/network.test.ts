import { test } from 'tap'
import { networkOf } from '../../../core/base/network.js'

test('clients of one address take turns together', async t => {
  for (const [address, network] of [
    ['192.0.2.1:50000', '192.0.2.1'],
    ['[::ffff:192.0.2.1]:50000', '192.0.2.1'],
    ['[2001:db8:1:2:3:4:5:6]:443', '2001:db8:1:2'],
    ['[2001:db8:1::6]:443', '2001:db8:1:0'],
    ['[2001:db8::]:443', '2001:db8:0:0'],
    ['[::1]:443', '0:0:0:0'],
    ['', ''],
  ] as const)
    t.equal(networkOf(address), network, address)
})
