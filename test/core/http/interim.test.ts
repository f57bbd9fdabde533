/** Interim responses for a client that does not take them. */
import { test } from 'tap'
import { Forwarder } from '../../../core/http/transaction/forward.js'
import type { TxnPoints } from '../../../core/http/transaction/hooks.js'
import { Via } from '../../../core/http/transaction/outgoing.js'
import type { OriginConnector } from '../../../core/origin/connect.js'
import { plainOrigin } from '../../../core/origin/connection.js'
import { Http1 } from '../../../core/origin/http1.js'
import { ONLY_DIRECT } from '../../../core/origin/parents/way.js'
import { type FakeClientLink, FakeHost } from '../../kit/fake-client.js'
import { FakeLink } from '../../kit/fake-link.js'
import { CLIENT, hooksOf, pointOf } from '../../kit/quiet-points.js'

const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const REQUEST = 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n'

const ORIGIN = { ...CLIENT, direction: 'outbound' } as const

interface Stage {
  readonly client: FakeClientLink
  readonly origin: FakeLink & { receive(text: string): void }
}

/** One client, one origin, and all of the proxy that is between them. */
function setUp(points?: Partial<TxnPoints>): Stage {
  const origin = Object.assign(new FakeLink(), {
    receive: (text: string) => origin.sink?.onData(Buffer.from(text)),
  })
  const channel = plainOrigin(origin, ORIGIN, { scheme: 'http' })
  const http = new Http1(channel, () => ({ maxHeadBytes: 131_072, hasPrivateLogins: true, isLenient: true }))
  const waysTo = () => ONLY_DIRECT
  const connector = {
    ...{
      keyOf: () => '',
      waysTo,
      reuse: () => http,
      release: () => {},
      waitBegins: () => {},
      mayCarry: () => true,
    },
  } as unknown as OriginConnector
  const forwarder = new Forwarder({
    connector,
    current: () => ({
      via: new Via('test'),
      idleTimeout: 5000,
      upgradeIdleTimeout: 5000,
      hooks: points && hooksOf(points),
    }),
  })
  const host = new FakeHost((request, reply) => forwarder.handle(request, reply))
  const client = host.connect()
  client.receive(REQUEST)
  return { client, origin }
}

test('an origin is not read on while its interim responses wait for the client', async t => {
  const { client, origin } = setUp()
  origin.receive(HINTS)
  t.notOk(origin.isPaused, 'the client has room')
  client.hasRoom = false
  origin.receive(HINTS)
  t.ok(origin.isPaused)
  client.drain()
  t.notOk(origin.isPaused)
  origin.receive(OK)
  t.match(client.sent().toString(), /^(?:HTTP\/1\.1 103.*){2}HTTP\/1\.1 200 OK.*ok$/s)
})

test('a body waits behind interim responses', async t => {
  const { client, origin } = setUp()
  client.hasRoom = false
  origin.receive(HINTS + OK.slice(0, -1))
  t.ok(origin.isPaused)
  client.drain()
  t.notOk(origin.isPaused)
  origin.receive('k')
  t.match(client.sent().toString(), /ok$/)
})

/** Most of a response for a client without room, held by a plugin. */
function heldResponse(): ReturnType<typeof setUp> & { readonly accept: () => void } {
  let accept = (): void => {}
  const stage = setUp({
    readResponse: pointOf(({ reenable }) => {
      accept = reenable
    }),
  })
  stage.client.hasRoom = false
  stage.origin.receive(HINTS + OK.slice(0, -1))
  return { ...stage, accept: () => accept() }
}

test('a client that drains does not have an origin read on whose response plugins hold', async t => {
  const { client, origin, accept } = heldResponse()
  t.ok(origin.isPaused)
  client.drain()
  t.ok(origin.isPaused, 'the plugin holds it still')
  accept()
  t.notOk(origin.isPaused)
  origin.receive('k')
  t.match(client.sent().toString(), /ok$/)
})

test('a plugin that lets a response go does not have an origin read on while the client is blocked', async t => {
  const { client, origin, accept } = heldResponse()
  accept()
  t.ok(origin.isPaused)
  client.drain()
  t.notOk(origin.isPaused)
  origin.receive('k')
  t.match(client.sent().toString(), /ok$/)
})

test('hundreds of interim responses go through', async t => {
  const { client, origin } = setUp()
  origin.receive(HINTS.repeat(300) + OK)
  t.equal(client.sent().toString().split('103 Early Hints').length, 301)
})
