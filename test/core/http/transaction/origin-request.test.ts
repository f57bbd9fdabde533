import { test } from 'tap'
import type { ClientRequest } from '../../../../core/http/listener/client-request.js'
import { TxnHooks, type TxnPoints } from '../../../../core/http/transaction/hooks.js'
import { OriginRequest, type RequestOwner } from '../../../../core/http/transaction/origin-request.js'
import type { ResponseSink } from '../../../../core/http1/messages.js'
import type { OriginConnector } from '../../../../core/origin/connect.js'
import { ConnectionOwner } from '../../../../core/origin/connection-login.js'
import { ONLY_DIRECT } from '../../../../core/origin/parents/way.js'
import { CLIENT, hooksOf, pointOf } from '../../../kit/quiet-points.js'

const TARGET = {
  scheme: 'https',
  host: 'a.test',
  isAddress: false,
  port: 443,
  path: '/',
  authority: 'a.test',
} as const
const REQUEST = { method: 'GET', path: '/', headers: ['Host', 'a.test'], body: 'none' } as const

/** The receiver of a response when plugins look at the request: its owner, or the HeldResponse. */
function receiverUnder(points: Partial<TxnPoints>): 'owner' | 'held' | undefined {
  let receiver: ResponseSink | undefined
  const idle = {
    channel: { vconn: CLIENT },
    requests: 1,
    onIdleLost: () => {},
    send: (_: unknown, sink: ResponseSink) => {
      receiver = sink
    },
  }
  const route = (target: object) => ({ ...target, ways: ONLY_DIRECT })
  const connector = { keyOf: () => 'key', route, reuse: () => idle } as unknown as OriginConnector
  const owner = { onWaiting: () => {}, onSending: () => {} } as unknown as RequestOwner
  const req = { client: { ownerFor: () => new ConnectionOwner(() => {}) } } as unknown as ClientRequest
  const hooks = new TxnHooks(hooksOf(points), { client: CLIENT, method: 'GET', url: 'https://a.test/' })
  new OriginRequest(connector, owner, req, TARGET, REQUEST, hooks).start()
  return receiver && (receiver === owner ? 'owner' : 'held')
}

test('a response is held only where plugins look at responses', async t => {
  const point = pointOf(({ reenable }) => reenable())
  t.equal(receiverUnder({ sendRequest: point }), 'owner')
  t.equal(receiverUnder({ sendRequest: point, readResponse: point }), 'held')
  t.equal(receiverUnder({ sendResponse: point }), 'held')
})

test('what goes wrong when a connection has been opened ends its request', async t => {
  const closed: unknown[] = []
  const opened = {
    channel: { vconn: CLIENT },
    requests: 0,
    onIdleLost: () => {},
    send: () => {},
    close: (why: unknown) => closed.push(why),
  }
  const connector = {
    keyOf: () => 'key',
    route: (target: object) => ({ ...target, ways: ONLY_DIRECT }),
    reuse: () => undefined,
    needsHttp1: () => false,
    open: async () => opened,
  } as unknown as OriginConnector
  const req = {
    client: { ownerFor: () => new ConnectionOwner(() => {}), network: '' },
  } as unknown as ClientRequest
  const why = await new Promise<unknown>(resolve => {
    const owner = {
      onWaiting: () => {},
      onSending: () => {
        throw new Error('oops')
      },
      fail: (cause: unknown) => {
        request.drop(cause as never)
        resolve(cause)
      },
    } as unknown as RequestOwner
    const request = new OriginRequest(connector, owner, req, TARGET, REQUEST, undefined)
    request.start()
  })
  t.match(why, { code: 'PTC_INTERNAL', message: 'a request failed: oops' })
  t.strictSame(closed, [why], 'and the connection')
})
