import { test } from 'tap'
import { type DialOptions, dial } from '../../../core/origin/dial.js'
import { interleaved } from '../../../core/origin/happy-eyeballs.js'
import { deafPort } from '../../kit/deaf-port.js'
import { resolvesTo } from '../../kit/names.js'
import { listen } from '../../kit/tcp-server.js'

const never = new AbortController().signal
const client = '192.0.2.1'
const options = (...addresses: readonly string[]): DialOptions => ({
  connectTimeout: 20_000,
  attemptDelay: 20,
  names: resolvesTo(...addresses),
})

test('an address that is slow to accept is not given up when the next one is tried', async t => {
  const slow = await deafPort()
  t.teardown(() => slow.stop())
  const to = { host: 'origin.test', port: slow.port, client }
  const attempt = dial(to, options('127.0.0.1', '127.0.0.2'), never)
  setTimeout(() => slow.wake(), 300)
  const tcp = await attempt
  t.equal(tcp.remoteAddress, `127.0.0.1:${slow.port}`, 'the second address has refused meanwhile')
  tcp.destroy()
})

test('the next address is tried while the one before it is silent', async t => {
  const silent = await deafPort()
  t.teardown(() => silent.stop())
  const server = await listen(() => undefined, { host: '127.0.0.2', port: silent.port })
  t.teardown(() => server.stop())
  const to = { host: 'origin.test', port: silent.port, client }
  const tcp = await dial(to, options('127.0.0.1', '127.0.0.2'), never)
  t.equal(tcp.remoteAddress, `127.0.0.2:${silent.port}`)
  tcp.destroy()
})

test('silent addresses end with the time for the connection', async t => {
  const silent = await deafPort()
  t.teardown(() => silent.stop())
  const to = { host: 'origin.test', port: silent.port, client }
  await t.rejects(dial(to, { ...options('127.0.0.1', '127.0.0.1'), connectTimeout: 300 }, never), {
    code: 'PTC_CONNECT_TIMEOUT',
  })
})

test('addresses of both families are tried by turns', async t => {
  const v6 = (address: string) => ({ address, family: 6 }) as const
  const v4 = (address: string) => ({ address, family: 4 }) as const
  t.same(
    interleaved([v6('::1'), v6('::2'), v6('::3'), v4('192.0.2.1')]).map(({ address }) => address),
    ['::1', '192.0.2.1', '::2', '::3'],
  )
  t.same(interleaved([]), [])
})
