import type { LookupFunction } from 'node:net'
import { test } from 'tap'
import { ProxyError } from '../../../core/base/errors.js'
import { dial } from '../../../core/origin/dial.js'
import { listen } from '../../kit/tcp-server.js'

const never = new AbortController().signal
const options = { connectTimeout: 1000 }

/** Answers every name with these addresses. */
const resolvesTo =
  (...addresses: readonly string[]): LookupFunction =>
  (_name, _options, answer) =>
    process.nextTick(
      answer,
      null,
      addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 })),
    )

const failsWith =
  (error: Error): LookupFunction =>
  (_name, _options, answer) =>
    process.nextTick(answer, error, [])

async function closedPort(): Promise<number> {
  const server = await listen(() => undefined)
  await server.stop()
  return server.port
}

test('a connection, by address and by name', async t => {
  const server = await listen(() => undefined)
  t.teardown(() => server.stop())
  const byAddress = await dial({ host: '127.0.0.1', port: server.port }, options, never)
  t.equal(byAddress.remoteAddress, `127.0.0.1:${server.port}`)
  byAddress.destroy()
  const byName = await dial(
    { host: 'origin.test', port: server.port },
    { ...options, lookup: resolvesTo('::1', '127.0.0.1') },
    never,
  )
  t.equal(
    byName.remoteAddress,
    `127.0.0.1:${server.port}`,
    'the second address is tried when the first one fails',
  )
  byName.destroy()
})

test('errors by code', async t => {
  const port = await closedPort()
  const to = { host: 'origin.test', port }
  await t.rejects(dial({ host: '127.0.0.1', port }, options, never), { code: 'PTC_CONNECT_REFUSED' })
  await t.rejects(dial(to, { ...options, lookup: resolvesTo('127.0.0.1', '127.0.0.2') }, never), {
    code: 'PTC_CONNECT_REFUSED',
  })
  const system = (code: string): Error => Object.assign(new Error(code), { code })
  for (const [code, meaning] of [
    ['ENOTFOUND', 'PTC_DNS_FAILED'],
    ['EAI_AGAIN', 'PTC_DNS_FAILED'],
    ['EHOSTUNREACH', 'PTC_CONNECT_UNREACHABLE'],
    ['ETIMEDOUT', 'PTC_CONNECT_TIMEOUT'],
    ['EMFILE', 'PTC_OUT_OF_SOCKETS'],
  ] as const) {
    const failing = dial(to, { ...options, lookup: failsWith(system(code)) }, never)
    await t.rejects(failing, { code: meaning, message: new RegExp(code) }, code)
  }
  const denied = new ProxyError('PTC_REQUEST_DENIED', 'no')
  await t.rejects(dial(to, { ...options, lookup: failsWith(denied) }, never), denied, 'a guard says its own')
})

test('an attempt has an end', async t => {
  const silent: LookupFunction = () => undefined
  const to = { host: 'origin.test', port: 1 }
  await t.rejects(dial(to, { connectTimeout: 30, lookup: silent }, never), { code: 'PTC_CONNECT_TIMEOUT' })
  const abort = new AbortController()
  const attempt = dial(to, { ...options, lookup: silent }, abort.signal)
  abort.abort(new ProxyError('PTC_CLIENT_GONE', 'left'))
  await t.rejects(attempt, { code: 'PTC_CLIENT_GONE', message: 'left' })
  await t.rejects(dial(to, options, abort.signal), { code: 'PTC_CLIENT_GONE' }, 'or none at all')
  await t.rejects(dial(to, options, AbortSignal.abort()), { code: 'PTC_CLIENT_GONE' }, 'whatever the reason')
})

test('a late error of a given-up socket is nobody’s', async t => {
  const abort = new AbortController()
  const attempt = dial({ host: '127.0.0.1', port: await closedPort() }, options, abort.signal)
  abort.abort()
  await t.rejects(attempt, { code: 'PTC_CLIENT_GONE' })
  await new Promise(resolve => setTimeout(resolve, 20))
})
