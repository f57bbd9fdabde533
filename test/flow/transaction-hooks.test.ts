/** Requests and responses that plugins look at, change, hold and refuse, over real sockets. */
import { test } from 'tap'
import type { HookEvents } from '../../core/api/hooks.js'
import { reject } from '../../core/api/verdict.js'
import { get, getOn, rawClient } from '../kit/client.js'
import {
  HOOKS,
  later,
  nothing,
  READ_REQUEST,
  READ_RESPONSE,
  SEND_REQUEST,
  SEND_RESPONSE,
  slowly,
  TXN_CLOSE,
  yes,
} from '../kit/gate.js'
import { bothOrigins, gateStage, HOST } from '../kit/start-gate.js'

for (const [how, answer] of [
  ['at once', yes],
  ['later', slowly],
] as const) {
  test(`the four hooks of a transaction in their order, answered ${how}`, async t => {
    const { secure } = await bothOrigins(t)
    const answers = {
      [READ_REQUEST]: answer,
      [SEND_REQUEST]: answer,
      [READ_RESPONSE]: answer,
      [SEND_RESPONSE]: answer,
    }
    const { gate, port } = await gateStage(t, { ...answers, [TXN_CLOSE]: nothing })
    const client = await rawClient(port)
    const url = `https://${HOST}:${secure.port}/a?b=c`
    for (let i = 0; i < 2; i++) {
      t.equal((await getOn(client, url)).status, 200)
      await gate.next(TXN_CLOSE, i)
      t.same(gate.called.splice(0), [...HOOKS, TXN_CLOSE], i === 0 ? 'first' : 'on a pooled connection')
    }
    client.stop()
    const events = HOOKS.map(hook => gate.of(hook)[0])
    const [read, send, got, sent] = events
    t.ok(events.every(event => event?.method === 'GET' && event.url === url))
    t.ok(events.every(event => event?.client.id === read?.vconn.id && event?.args === read?.args))
    t.equal(read?.origin, undefined, 'no origin has been chosen')
    t.equal(send?.vconn.direction, 'outbound')
    t.match(send?.origin?.chain[0]?.subject, new RegExp(HOST))
    t.equal(got?.origin?.vconn.id, send?.vconn.id)
    t.same([gate.of(READ_RESPONSE)[0]?.status, gate.of(SEND_RESPONSE)[0]?.status], [200, 200])
    t.equal(sent?.vconn.direction, 'inbound')
    t.equal(read?.reenable(), 'ignored')
  })
}

test('header fields are read and changed, and args are shared', async t => {
  const { plain } = await bothOrigins(t)
  const { gate, port } = await gateStage(t, {
    [READ_REQUEST]: ({ headers, args, reenable }) => {
      Object.assign(args, { test: 'kept' })
      headers.set('X-Read', 'one')
      headers.remove('Accept')
      reenable()
    },
    [SEND_REQUEST]: ({ headers, reenable }) =>
      later(() => {
        headers.append('X-Read', 'two')
        headers.set('User-Agent', ['a', 'b'])
        reenable()
      }),
    [READ_RESPONSE]: ({ headers, reenable }) => {
      headers.set('X-Got', `${headers.get('Content-Type')}`)
      reenable()
    },
    [SEND_RESPONSE]: ({ headers, args, reenable }) => {
      headers.set('X-Args', JSON.stringify(args))
      headers.append('X-Got', 'sent')
      reenable()
    },
    [TXN_CLOSE]: nothing,
  })
  const response = await get(port, `http://${HOST}:${plain.port}/`, ['Accept: text/plain', 'User-Agent: x'])
  t.equal(response.status, 200)
  const seen = plain.requests[0]?.headers
  t.match(seen, { 'x-read': 'one, two' })
  t.equal(seen?.accept, undefined)
  t.equal(response.header('x-args'), '{"test":"kept"}')
  t.match(response.rawHeaders.join(), /X-Got,undefined,.*X-Got,sent/)
  t.match((await gate.next(TXN_CLOSE)).args, { test: 'kept' })
})

test('a plugin cannot change the fields that frame or route a message', async t => {
  const { plain } = await bothOrigins(t)
  const errors: unknown[] = []
  let kept: HookEvents[typeof READ_REQUEST] | undefined
  const { port } = await gateStage(t, {
    [READ_REQUEST]: event => {
      kept = event
      const { headers } = event
      const tries: (() => unknown)[] = [
        ...['Connection', 'Transfer-Encoding', 'content-length', 'HOST', 'Keep-Alive', 'Upgrade', 'TE'].map(
          name => () => headers.set(name, 'x'),
        ),
        () => headers.remove('Host'),
        () => headers.append('Trailer', 'x'),
        () => headers.append('Proxy-Connection', 'x'),
        () => headers.set('X-A', 'a\r\nX-B: b'),
        () => headers.set('X-A', 'a\0'),
        () => headers.set('X-A', '\u20ac'),
        () => headers.set('X A', 'a'),
        () => headers.set('', 'a'),
        () => headers.set('X-A\r\n', 'a'),
        () => headers.set('X-A', 1 as unknown as string),
        () => headers.set('X-A', undefined as unknown as string),
      ]
      for (const attempt of tries) {
        try {
          attempt()
          errors.push('nothing')
        } catch (cause) {
          errors.push((cause as { code?: string }).code)
        }
      }
      event.reenable()
    },
  })
  t.equal((await get(port, `http://${HOST}:${plain.port}/`)).status, 200)
  t.same([...new Set(errors)], ['PTC_PLUGIN_CALL'])
  t.equal(errors.length, 18)
  t.throws(() => kept?.headers.set('X-Late', 'x'), { code: 'PTC_PLUGIN_CALL' }, 'the turn is over')
  t.notMatch(JSON.stringify(plain.requests[0]?.headers), /x-a|x-late/)
})

test('plugins are asked about a CONNECT before anything is dialled', async t => {
  const { plain } = await bothOrigins(t)
  const conf = { records: { 'proxy.config.http.connect.verify': 'tunnel' } } as const
  const at = `${HOST}:${plain.port}`
  const asked = `CONNECT ${at} HTTP/1.1\r\nHost: ${at}\r\nX-Hello: you\r\n\r\n`
  const refusing = await gateStage(
    t,
    { [READ_REQUEST]: ({ reenable }) => reenable(reject('policy', 'no')) },
    conf,
  )
  const refused = await rawClient(refusing.port)
  refused.send(asked)
  t.equal((await refused.response('CONNECT')).status, 403)
  t.equal(plain.openConnections, 0)
  refused.stop()
  const { gate, port } = await gateStage(
    t,
    {
      [READ_REQUEST]: ({ args, reenable }) => {
        Object.assign(args, { test: 1 })
        later(reenable)
      },
      [TXN_CLOSE]: nothing,
    },
    conf,
  )
  const client = await rawClient(port)
  client.send(`${asked}GET / HTTP/1.1\r\nHost: ${at}\r\nConnection: close\r\n\r\n`)
  t.equal((await client.response('CONNECT')).status, 200)
  t.equal((await client.response('GET')).status, 200, 'what was sent ahead has arrived')
  client.stop()
  t.match(await gate.next(TXN_CLOSE), { method: 'CONNECT', args: { test: 1 } })
  const [event] = gate.of(READ_REQUEST)
  t.match(event, { method: 'CONNECT', url: at, origin: undefined })
  t.equal(event?.headers.get('x-hello'), 'you')
  const leaving = await gateStage(t, { [READ_REQUEST]: nothing, [TXN_CLOSE]: nothing }, conf)
  const left = await rawClient(leaving.port)
  left.send(asked)
  const parked = await leaving.gate.next(READ_REQUEST)
  left.stop()
  t.match(await leaving.gate.next(TXN_CLOSE), { status: 0, error: 'PTC_CLIENT_GONE' })
  t.equal(parked.signal.aborted, true)
})

test('plugins in shadow mode see a copy of a message and decide nothing', async t => {
  const { plain } = await bothOrigins(t)
  const { port, proxy } = await gateStage(
    t,
    {
      [READ_REQUEST]: ({ headers, reenable }) => {
        headers.set('X-Shadow', 'x')
        later(() => reenable(reject('policy', 'no')))
      },
      [SEND_RESPONSE]: ({ headers, reenable }) => {
        headers.set('X-Shadow', 'x')
        reenable()
      },
    },
    { options: '@mode=shadow' },
  )
  const url = `http://${HOST}:${plain.port}/`
  const response = await get(port, url)
  t.equal(response.status, 200)
  t.equal(response.header('x-shadow'), undefined)
  t.equal(plain.requests[0]?.headers['x-shadow'], undefined)
  await proxy.until(/would have rejected GET http:\/\/start\.test:\d+\/: policy, no/)
})
