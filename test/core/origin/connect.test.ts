/**
 * Connections are handed out, kept and taken back.
 * Longer than 250 lines because all that ends the use of a connection has one stage.
 */
import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import type { VConn } from '../../../core/api/vconn.js'
import { accept } from '../../../core/api/verdict.js'
import type { OriginConnection } from '../../../core/origin/connection.js'
import { ONLY_DIRECT } from '../../../core/origin/parents/way.js'
import { Revocations } from '../../../core/tls/judge/revocations.js'
import { rejection, settle, VerifyRejected } from '../../../core/tls/judge/verdict.js'
import type { StartTls } from '../../../core/tls/outbound/start-tls.js'
import type { Link } from '../../../core/vconn/link.js'
import { evidenceOf } from '../../kit/evidence.js'
import { ask, listen, POOL, startListener } from '../../kit/running-listener.js'
import { poll } from '../../kit/watch.js'

const vconnOf = ({ remoteAddress, localAddress }: Link): VConn => ({
  id: 1,
  direction: 'outbound',
  remoteAddress,
  localAddress,
  args: {},
})

/** Accepts every origin without TLS: these tests are about the steps around a handshake. */
const acceptAll: StartTls = async (link, { host }) => {
  const evidence = evidenceOf({ sni: host, host })
  return { link, peer: settle(evidence, 'plugins', accept()), revocations: 0, vconn: vconnOf(link) }
}

async function origin(
  t: import('tap').Test,
): Promise<{ url: string; port: number; server: Server; requests: string[] }> {
  const requests: string[] = []
  const server = createServer((req, res) => {
    requests.push(`${req.headers.host} ${req.url}`)
    res.end('x')
  })
  const port = await listen(t, server)
  return { url: `https://127.0.0.1:${port}`, port, server, requests }
}

test('an https target is asked over a connection that was accepted', async t => {
  const { url, port: originPort, requests } = await origin(t)
  const { port, done } = await startListener(t, { connector: { startTls: acceptAll } })
  t.match(await ask(port, `${url}/a`), { status: 200, body: 'x' })
  t.same(requests, [`127.0.0.1:${originPort} /a`])
  t.equal(done[0]?.channel?.peer?.decidedBy, 'plugins')
})

test('a rejection is final', async t => {
  const { url, requests } = await origin(t)
  let handshakes = 0
  const startTls: StartTls = async (tcp, { host }) => {
    handshakes += 1
    tcp.destroy()
    throw new VerifyRejected(rejection('plugin', 'policy', host, 'not today', 'async_verify'))
  }
  const { port, connector } = await startListener(t, { connector: { startTls } })
  const answer = await ask(port, url)
  t.match(answer, {
    status: 502,
    body: /not today/,
    headers: { 'proxy-status': /tls_certificate_error.*async_verify/ },
  })
  t.same([handshakes, requests.length, connector.idleConnections], [1, 0, 0])
})

test('a failure of the handshake that has no code is one of the proxy', async t => {
  const { url, requests } = await origin(t)
  const { port } = await startListener(t, {
    connector: { startTls: () => Promise.reject(new TypeError('oops')) },
  })
  t.match(await ask(port, url), { status: 500, headers: { 'proxy-status': /PTC_INTERNAL/ } })
  t.same(requests, [])
})

test('a client that leaves while the handshake is parked', async t => {
  const { port: originPort } = await origin(t)
  let parked: AbortSignal | undefined
  const startTls: StartTls = (tcp, _target, signal) =>
    new Promise((_resolve, reject) => {
      parked = signal
      signal.addEventListener('abort', () => {
        tcp.destroy()
        reject(signal.reason)
      })
    })
  const { port, done } = await startListener(t, { connector: { startTls } })
  const client = connect(port, '127.0.0.1')
  client.write(`GET https://127.0.0.1:${originPort}/ HTTP/1.1\r\nHost: x\r\n\r\n`)
  const signal = await poll(() => parked, 'the handshake')
  t.equal(signal.aborted, false)
  client.end()
  await poll(() => signal.aborted, 'the abort')
  t.match(signal.reason, { code: 'PTC_CLIENT_GONE' })
  t.match(done, [{ status: 0, error: { code: 'PTC_CLIENT_GONE' } }])
})

test('the key of a connection', async t => {
  const { url, port: originPort, server } = await origin(t)
  let connections = 0
  server.on('connection', () => (connections += 1))
  let policy = 'one'
  const { port, connector } = await startListener(t, {
    connector: { startTls: acceptAll, policyDigest: () => policy },
  })
  await ask(port, url)
  await ask(port, url)
  t.equal(connections, 1)
  await ask(port, `http://127.0.0.1:${originPort}/`)
  t.equal(connections, 2, 'http never runs over a connection of https')
  policy = 'two'
  await ask(port, url)
  t.equal(connections, 3, 'an accepted origin is accepted under one policy')
  t.equal(connector.idleConnections, 3)
  connector.closeStale()
  t.equal(connector.idleConnections, 1)
})

test('a connection that was judged under another policy is not kept, though the old one is back', async t => {
  const { url } = await origin(t)
  // As the request comes, as the handshake begins, and from then on.
  const policies = ['one', 'two']
  const policyDigest = (): string => policies.shift() ?? 'one'
  const { port, connector } = await startListener(t, { connector: { startTls: acceptAll, policyDigest } })
  await ask(port, url)
  t.same(policies, [])
  t.equal(connector.idleConnections, 0)
})

test('revoking closes what is idle, and has what is busy end after its request', async t => {
  const { url, port: originPort, server } = await origin(t)
  let connections = 0
  server.on('connection', () => (connections += 1))
  const revocations = new Revocations()
  let during = (): unknown => undefined
  const startTls: StartTls = async (...args) => {
    const origin = { ...(await acceptAll(...args)), revocations: revocations.log.count }
    during()
    return origin
  }
  const { port, connector } = await startListener(t, {
    connector: { startTls, revocations: revocations.log },
  })
  revocations.join('connections', isRevoked => connector.revoke(isRevoked))
  const revoke = (host?: string): number =>
    revocations.revoke(of => host === undefined || of === host).connections
  await ask(port, url)
  await ask(port, `http://127.0.0.1:${originPort}/`)
  t.equal(connector.idleConnections, 2)
  t.equal(revoke('other.test'), 0)
  t.equal(connector.idleConnections, 2)
  await ask(port, url)
  t.same([connections, connector.idleConnections], [2, 2], 'what is not about it is used on')
  t.equal(revoke(), 1, 'there is no verdict about http')
  t.equal(connector.idleConnections, 1)
  await ask(port, url)
  t.equal(connections, 3)

  const target = {
    scheme: 'https',
    host: '127.0.0.1',
    isAddress: true,
    port: originPort,
    ways: ONLY_DIRECT,
  } as const
  const key = connector.keyOf(target)
  for (const [what, isKept] of [
    ['other.test', true],
    ['127.0.0.1', false],
  ] as const) {
    const busy = connector.reuse(key, '', undefined)
    revoke(what)
    if (busy !== undefined) connector.release(busy, '')
    t.equal(connector.reuse(key, '', undefined), isKept ? busy : undefined, `busy while ${what} is revoked`)
    if (isKept && busy !== undefined) connector.release(busy, '')
  }

  const open = (): Promise<OriginConnection> =>
    connector.open(target, new AbortController().signal, { network: '' })
  for (const [what, isKept] of [
    ['127.0.0.1', false],
    ['other.test', true],
  ] as const) {
    during = () => revoke(what)
    const opened = await open()
    t.equal(connector.isWithdrawn(opened, target), !isKept, `opened while ${what} is revoked`)
    connector.release(opened, '')
    t.equal(connector.idleConnections, isKept ? 2 : 1)
  }
  during = () => undefined
  revoke()
  connector.release(await open(), '')
  const fresh = connector.reuse(key, '', undefined)
  t.ok(fresh, 'what began later is')
  fresh?.close()
})

test('the pool is bounded', async t => {
  const { url } = await origin(t)
  const http = url.replace('https', 'http')
  const bounded = await startListener(t, { connector: { pool: () => ({ ...POOL, maxIdlePerKey: 2 }) } })
  await Promise.all([1, 2, 3, 4].map(n => ask(bounded.port, `${http}/${n}`)))
  t.equal(bounded.connector.idleConnections, 2, 'per key')
  const few = await startListener(t, {
    connector: { pool: () => ({ ...POOL, maxIdle: 1 }), startTls: acceptAll },
  })
  await ask(few.port, http)
  await ask(few.port, url)
  t.equal(few.connector.idleConnections, 1, 'in all')
  const none = await startListener(t, { connector: { pool: () => ({ ...POOL, maxIdle: 0 }) } })
  t.match(await ask(none.port, http), { status: 200 })
  t.equal(none.connector.idleConnections, 0)
  const brief = await startListener(t, { connector: { pool: () => ({ ...POOL, idleTimeout: 30 }) } })
  await ask(brief.port, http)
  t.equal(brief.connector.idleConnections, 1)
  await sleep(100)
  t.equal(brief.connector.idleConnections, 0, 'in time')
})

test('an origin that ends an idle connection', async t => {
  const { url, server } = await origin(t)
  const { port, connector } = await startListener(t)
  await ask(port, url.replace('https', 'http'))
  t.equal(connector.idleConnections, 1)
  server.closeIdleConnections()
  t.ok(await poll(() => connector.idleConnections === 0, 'the end of the idle connection'))
})

test('a plain connection may be taken charge of', async t => {
  const { url } = await origin(t)
  const started: unknown[] = []
  const plain = await startListener(t, {
    connector: {
      startPlain: (tcp, target) => {
        started.push([target.scheme, tcp.isClosed])
        return vconnOf(tcp)
      },
    },
  })
  t.match(await ask(plain.port, url.replace('https', 'http')), { status: 200 })
  t.same(started, [['http', false]])
  t.equal(plain.done[0]?.channel?.vconn?.remoteAddress, url.replace('https://', ''))
  const throwing = await startListener(t, {
    connector: {
      startPlain: () => {
        throw new TypeError('oops')
      },
    },
  })
  t.match(await ask(throwing.port, url.replace('https', 'http')), { status: 500 })
})
