import { test } from 'tap'
import { ProxyError } from '../../../core/base/errors.js'
import { type DialOptions, dial, type NameResolver } from '../../../core/origin/dial.js'
import { again, reach } from '../../../core/origin/parents/reach.js'
import { ONLY_DIRECT } from '../../../core/origin/parents/way.js'
import { failsWith, NO_NAMES, resolvesTo } from '../../kit/names.js'
import { listen } from '../../kit/tcp-server.js'

const never = new AbortController().signal
const options: DialOptions = { connectTimeout: 1000, names: NO_NAMES }
const client = '192.0.2.1'

async function closedPort(): Promise<number> {
  const server = await listen(() => undefined)
  await server.stop()
  return server.port
}

test('a connection, by address and by name', async t => {
  const server = await listen(() => undefined)
  t.teardown(() => server.stop())
  const byAddress = await dial({ host: '127.0.0.1', port: server.port, client }, options, never)
  t.equal(byAddress.remoteAddress, `127.0.0.1:${server.port}`)
  byAddress.destroy()
  const byName = await dial(
    { host: 'origin.test', port: server.port, client },
    { ...options, names: resolvesTo('::1', '127.0.0.1') },
    never,
  )
  t.equal(
    byName.remoteAddress,
    `127.0.0.1:${server.port}`,
    'the second address is tried when the first one fails',
  )
  byName.destroy()
})

test('a connection that is made anew is made, whatever serves its addresses meanwhile', async t => {
  const server = await listen(() => undefined)
  t.teardown(() => server.stop())
  let isServed = false
  const byName = { ...options, names: resolvesTo('127.0.0.1') }
  const to = { host: 'origin.test', port: server.port, client, asking: undefined, isServed: () => isServed }
  const first = await reach({ ...to, ways: ONLY_DIRECT }, byName, never)
  isServed = true
  const anew = await again(first, to, () => byName, never)()
  t.equal(anew.remoteAddress, first.remoteAddress)
  first.destroy()
  anew.destroy()
  await t.rejects(reach({ ...to, ways: ONLY_DIRECT }, byName, never), { message: 'no connection is needed' })
})

test('errors by code', async t => {
  const port = await closedPort()
  const to = { host: 'origin.test', port, client }
  await t.rejects(dial({ host: '127.0.0.1', port, client }, options, never), { code: 'PTC_CONNECT_REFUSED' })
  await t.rejects(dial(to, { ...options, names: resolvesTo('127.0.0.1', '127.0.0.2') }, never), {
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
    const failing = dial(to, { ...options, names: failsWith(system(code)) }, never)
    await t.rejects(failing, { code: meaning, message: new RegExp(code) }, code)
  }
  const denied = new ProxyError('PTC_REQUEST_DENIED', 'no')
  await t.rejects(dial(to, { ...options, names: failsWith(denied) }, never), denied, 'a guard says its own')
})

test('an attempt has an end', async t => {
  const silent: NameResolver = { resolve: () => new Promise(() => undefined), forget: () => undefined }
  const to = { host: 'origin.test', port: 1, client }
  await t.rejects(dial(to, { connectTimeout: 30, names: silent }, never), {
    code: 'PTC_CONNECT_TIMEOUT',
    message: /name origin\.test was not resolved/,
  })
  const abort = new AbortController()
  const attempt = dial(to, { ...options, names: silent }, abort.signal)
  abort.abort(new ProxyError('PTC_CLIENT_GONE', 'left'))
  await t.rejects(attempt, { code: 'PTC_CLIENT_GONE', message: 'left' })
  await t.rejects(dial(to, options, abort.signal), { code: 'PTC_CLIENT_GONE' }, 'or none at all')
  await t.rejects(dial(to, options, AbortSignal.abort()), { code: 'PTC_CLIENT_GONE' }, 'whatever the reason')
})

test('a late error of an abandoned socket is ignored', async t => {
  const abort = new AbortController()
  const attempt = dial({ host: '127.0.0.1', port: await closedPort(), client }, options, abort.signal)
  abort.abort()
  await t.rejects(attempt, { code: 'PTC_CLIENT_GONE' })
  await new Promise(resolve => setTimeout(resolve, 20))
})

test('a dial tells of names whose addresses take no connection', async t => {
  const server = await listen(() => undefined)
  const told: string[] = []
  const to = (host: string, names: NameResolver) =>
    dial(
      { host, port: server.port, client },
      { connectTimeout: 2000, names: { ...names, forget: name => told.push(name) } },
      never,
    )
  ;(await to('up.example', resolvesTo('127.0.0.1'))).destroy()
  await server.stop()
  await t.rejects(to('down.example', resolvesTo('127.0.0.1')), { code: 'PTC_CONNECT_REFUSED' })
  await t.rejects(to('nobody.example', NO_NAMES), { code: 'PTC_DNS_FAILED' })
  t.strictSame(told, ['down.example'])
})

test('the addresses that were checked are those that are dialled', async t => {
  const server = await listen(() => undefined)
  t.teardown(() => server.stop())
  const to = { host: 'origin.test', port: server.port, client }
  const isDenied = (address: string): boolean => address === '127.0.0.2'
  let asked = 0
  const names: NameResolver = {
    resolve: async () => {
      asked += 1
      return [
        { address: '127.0.0.2', family: 4 },
        ...(asked === 1 ? [{ address: '127.0.0.1', family: 4 } as const] : []),
      ]
    },
    forget: () => undefined,
  }
  const tcp = await dial(to, { ...options, names, isDenied }, never)
  t.equal(tcp.remoteAddress, `127.0.0.1:${server.port}`, 'the address that is not denied')
  t.equal(asked, 1, 'the name is resolved once')
  tcp.destroy()
  await t.rejects(
    dial(to, { ...options, names, isDenied }, never),
    { code: 'PTC_ORIGIN_DENIED', message: /^(?!.*127)/ },
    'a name with denied addresses alone, which are not told',
  )
  await t.rejects(dial({ ...to, host: '127.0.0.2' }, { ...options, isDenied }, never), {
    code: 'PTC_ORIGIN_DENIED',
  })
  t.equal(asked, 2)
})
