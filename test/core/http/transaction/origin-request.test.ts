import { test } from 'tap'
import { ProxyError } from '../../../../core/base/errors.js'
import type { BodyReader, ClientRequest } from '../../../../core/http/listener/client-request.js'
import { TxnHooks, type TxnPoints } from '../../../../core/http/transaction/hooks.js'
import { OriginRequest, type RequestOwner } from '../../../../core/http/transaction/origin-request.js'
import type { ResponseSink } from '../../../../core/http1/messages.js'
import type { OriginConnector } from '../../../../core/origin/connect.js'
import { NotProcessed } from '../../../../core/origin/connection.js'
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
  const waysTo = () => ONLY_DIRECT
  const carries = { waitBegins: () => {}, mayCarry: () => true }
  const connector = {
    keyOf: () => 'key',
    waysTo,
    reuse: () => idle,
    ...carries,
  } as unknown as OriginConnector
  const owner = { onWaiting: () => {}, onSending: () => {} } as unknown as RequestOwner
  const req = { client: { ownerFor: () => new ConnectionOwner(() => {}) } } as unknown as ClientRequest
  const facts = { client: CLIENT, user: undefined, groups: [], method: 'GET', url: 'https://a.test/' }
  const hooks = new TxnHooks(hooksOf(points), facts)
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
    waysTo: () => ONLY_DIRECT,
    reuse: () => undefined,
    needsHttp1: () => false,
    isWithdrawn: () => false,
    open: async () => opened,
  } as unknown as OriginConnector
  const req = {
    client: { ownerFor: () => new ConnectionOwner(() => {}), network: '' },
    asking: () => undefined,
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

test('a body that comes while its request is repeated is whole', async t => {
  const sent: string[][] = []
  const connectionFor = () => {
    const body: string[] = []
    sent.push(body)
    return {
      channel: { vconn: CLIENT },
      requests: 1,
      onIdleLost: () => {},
      send: () => {},
      writeBody: (bytes: Buffer) => body.push(bytes.toString()) > 0,
      endBody: () => void body.push('end'),
    }
  }
  const opens: ((connection: unknown) => void)[] = []
  const connector = {
    keyOf: () => 'key',
    waysTo: () => ONLY_DIRECT,
    reuse: () => undefined,
    needsHttp1: () => false,
    isWithdrawn: () => false,
    open: () => new Promise(resolve => opens.push(resolve)),
  } as unknown as OriginConnector
  const calls: string[] = []
  let reader: BodyReader | undefined
  let isComplete = false
  const req = {
    client: { ownerFor: () => new ConnectionOwner(() => {}), network: '' },
    asking: () => undefined,
    rawTrailers: [],
    pause: () => calls.push('pause'),
    read: (by: BodyReader) => {
      calls.push('read')
      reader = by
      if (isComplete) by.onBodyEnd()
    },
  } as unknown as ClientRequest
  const owner = {
    onWaiting: () => {},
    onSending: () => {},
    moved: () => {},
    fail: (cause: unknown) => t.fail(`${cause}`),
  } as unknown as RequestOwner
  const post = { ...REQUEST, method: 'POST', body: 'chunked' } as const
  const request = new OriginRequest(connector, owner, req, TARGET, post, undefined)
  request.start()
  opens[0]?.(connectionFor())
  await new Promise(setImmediate)
  t.ok(request.repeat(new NotProcessed('REFUSED_STREAM', false)))
  reader?.onBody(Buffer.from('early '))
  isComplete = true
  reader?.onBodyEnd()
  opens[1]?.(connectionFor())
  await new Promise(setImmediate)
  t.strictSame(calls, ['read', 'pause', 'read'], 'the client is not read meanwhile')
  t.strictSame(sent, [[], ['early ', 'end']])
  t.notOk(request.repeat(new ProxyError('PTC_ORIGIN_CLOSED', 'gone')), 'and it is not repeated again')
})

test('a request that cannot be repeated is not sent on a connection that was withdrawn while it waited', async t => {
  const calls: string[] = []
  let changes = 1
  const idle = {
    channel: { vconn: CLIENT },
    requests: 1,
    onIdleLost: () => {},
    send: () => calls.push('send'),
  }
  const connector = {
    keyOf: () => 'key',
    waysTo: () => ONLY_DIRECT,
    reuse: () => idle,
    needsHttp1: () => false,
    waitBegins: () => changes,
    mayCarry: (_connection: object, _target: object, before: number) => before === changes,
    release: () => calls.push('release'),
    open: () => {
      calls.push('open')
      return new Promise(() => {})
    },
  } as unknown as OriginConnector
  const owner = { onWaiting: () => {}, onSending: () => {} } as unknown as RequestOwner
  const req = {
    client: { ownerFor: () => new ConnectionOwner(() => {}), network: '' },
    asking: () => undefined,
  } as unknown as ClientRequest
  const post = { ...REQUEST, method: 'POST' } as const
  const ask = async (): Promise<void> => {
    new OriginRequest(connector, owner, req, TARGET, post, undefined).start()
    changes += calls.length > 0 ? 1 : 0
    await new Promise(resolve => setImmediate(() => setImmediate(() => setImmediate(resolve))))
  }
  await ask()
  t.strictSame(calls, ['send'])
  await ask()
  t.strictSame(calls, ['send', 'release', 'open'])
})
