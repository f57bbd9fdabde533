import { test } from 'tap'
import { reachesOwn } from '../../../core/origin/denied-addresses.js'

const local = (): readonly string[] => ['127.0.0.1', '::1', '192.0.2.7', 'fe80::1', '2001:db8::7']
const LOOPBACKS = ['127.0.0.1', '0.0.0.0', '::', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:0.0.0.0']
const OWN = ['192.0.2.7', '::ffff:192.0.2.7', '2001:db8:0::7', 'fe80::1%eth0', '127.9.9.9', '::1']
const reaches = (address: string, listener: string, port = 8080): boolean =>
  reachesOwn(address, port, [{ address: listener, port: 8080 }], local)

test('a listener on all addresses is reached by every one of the machine', async t => {
  for (const listener of ['0.0.0.0', '::'])
    for (const address of [...LOOPBACKS, ...OWN]) t.ok(reaches(address, listener), `${address} ${listener}`)
  for (const address of ['192.0.2.8', '2001:db8::8', '::ffff:192.0.2.8', '10.0.0.1'])
    t.notOk(reaches(address, '0.0.0.0'), address)
  t.notOk(reaches('127.0.0.1', '0.0.0.0', 8081), 'another port')
})

test('a listener on one address is reached by that one', async t => {
  for (const address of LOOPBACKS) t.ok(reaches(address, '127.0.0.1'), address)
  for (const address of ['127.0.0.2', '192.0.2.7', '::1']) t.notOk(reaches(address, '127.0.0.1'), address)
  for (const address of ['::1', '0:0:0:0:0:0:0:1', '::']) t.ok(reaches(address, '::1'), address)
  t.ok(reaches('::ffff:c000:207', '192.0.2.7'))
  t.notOk(reaches('0.0.0.0', '192.0.2.7'))
})
