import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as tlsConnect } from 'node:tls'
import { type Test, test } from 'tap'
import { curl } from '../kit/curl.js'
import { type NodeOrigin, type NodeOriginOptions, nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from '../kit/proxy.js'
import { poll } from '../kit/watch.js'

const DRIP = 100

async function setUp(
  t: Test,
  handler: NodeOriginOptions['handler'],
  conf: ProxyConf,
): Promise<{ readonly origin: NodeOrigin; readonly proxy: ProxyHere }> {
  const origin = await nodeOrigin({ ...(handler && { handler }) })
  const proxy = await startProxyHere({ hosts: ['origin.example'], ...conf })
  t.teardown(async () => {
    await proxy.stop()
    await origin.stop()
  })
  return { origin, proxy }
}

/** What a connection to the proxy is answered, as it comes. */
function connected(port: number): { readonly socket: Socket; readonly status: () => string } {
  const socket = connect({ port, host: '127.0.0.1' })
  let seen = ''
  socket
    .on('error', () => {})
    .on('data', (data: Buffer) => {
      seen += data.toString('latin1')
    })
  return { socket, status: () => seen.slice(9, 12) }
}

test('a transaction that never ends is ended, however busy it is', async t => {
  let drips = 0
  const drip: NodeOriginOptions['handler'] = (_, response) => {
    response.writeHead(200)
    const timer = setInterval(() => response.write(`${drips++}\n`), DRIP)
    response.on('close', () => clearInterval(timer))
  }
  const records = {
    'proxy.config.http.transaction_active_timeout_in': 3,
    'proxy.config.http.transaction_active_timeout_out': 1,
  }
  const { origin, proxy } = await setUp(t, drip, { records })
  const url = `http://origin.example:${origin.port}/`
  for (const version of ['--http1.1', '--http1.0']) {
    const flags = ['-sS', '-N', version, '-x', `http://127.0.0.1:${proxy.port}`]
    const { code, ms, stdout } = await curl([...flags, url])
    t.not(code, 0, `${version}: no client takes it for complete`)
    t.match(stdout, /^\d+\n/, 'what there was has come')
    t.ok(ms >= 1000 && ms < 2900, `the shorter of both limits counts (${ms} ms)`)
  }
  await origin.until(() => (origin.openConnections === 0 ? true : undefined), 'the origin is left too')
})

test('a response through an ssl port is cut off by its timeout', async t => {
  const root = await makeAuthority({ name: 'Timeout Root' })
  const own = await root.issue({ cn: 'proxy.example', sans: ['127.0.0.1'] })
  const begin: NodeOriginOptions['handler'] = (_, response) => void response.writeHead(200).write('x')
  const { origin, proxy } = await setUp(t, begin, {
    files: { 'own.pem': own.chainPem + own.keyPem, 'ssl_multicert.config': 'ssl_cert_name=own.pem\n' },
    records: {
      'proxy.config.http.server_ports': '0:ssl:ip-in=127.0.0.1',
      'proxy.config.http.transaction_no_activity_timeout_out': 1,
    },
  })
  const socket = tlsConnect({ port: proxy.port, host: '127.0.0.1', ca: root.certPem })
  socket.on('error', () => {})
  let hasEnded = false
  socket.on('end', () => {
    hasEnded = true
  })
  socket.write(`GET http://origin.example:${origin.port}/ HTTP/1.0\r\n\r\n`)
  socket.resume()
  await once(socket, 'close')
  t.notOk(hasEnded && proxy.output().includes('PTC_INTERNAL'), 'a client of HTTP/1.0 as well')
  t.match((await shownTo(proxy.port, root.certPem)).length > 0, true, 'and the proxy goes on')
})

async function shownTo(port: number, ca: string): Promise<string> {
  const socket = tlsConnect({ port, host: '127.0.0.1', ca })
  await once(socket, 'secureConnect')
  const { CN } = socket.getPeerCertificate().subject
  socket.destroy()
  return String(CN)
}

test('slow clients and slow origins are cut off, and all they held is freed', async t => {
  const silent = new Set<Socket>()
  const origin = createServer(socket => {
    silent.add(socket.resume())
    socket.on('error', () => {}).on('close', () => silent.delete(socket))
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  const address = origin.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const proxy = await startProxyHere({
    hosts: ['origin.example'],
    records: {
      'proxy.config.http.transaction_no_activity_timeout_in': 1,
      'proxy.config.http.transaction_no_activity_timeout_out': 1,
    },
  })
  t.teardown(async () => {
    await proxy.stop()
    for (const socket of silent) socket.destroy()
    origin.close()
  })
  const kinds = [
    'GET http://origin.exa', // a head that never ends
    `POST http://origin.example:${port}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab`, // a body that never ends
    `GET http://origin.example:${port}/ HTTP/1.1\r\nHost: x\r\n\r\n`, // an origin that never answers
    '', // a client that says nothing
  ]
  const clients = Array.from({ length: 100 }, (_, i) => {
    const { socket, status } = connected(proxy.port)
    socket.write(kinds[i % kinds.length] ?? '')
    return { socket, kind: i % kinds.length, status, closed: once(socket, 'close') }
  })
  const answered = (kind: number): readonly string[] =>
    clients.filter(c => c.kind === kind).map(c => c.status())
  const until = Date.now() + 8000
  while (Date.now() < until && ![0, 1, 2].every(kind => answered(kind).every(status => status !== '')))
    await sleep(50)
  t.strictSame(new Set(answered(0)), new Set(['408']), 'a head that does not end')
  t.strictSame(new Set(answered(1)), new Set(['408']), 'a body that does not end')
  t.strictSame(new Set(answered(2)), new Set(['504']), 'an origin that does not answer')
  for (const { socket } of clients.filter(c => c.kind === 2)) socket.end() // the proxy would wait for their next request
  await Promise.all(clients.map(c => c.closed))
  t.ok(await poll(() => silent.size === 0, 'the end of all connections to the origin'))
})

test('a client that stops in its body has its own time, an origin may take longer', async t => {
  const late: NodeOriginOptions['handler'] = (request, response) =>
    void request.resume().on('end', () => setTimeout(() => response.end('late'), 1500))
  const records = {
    'proxy.config.http.transaction_no_activity_timeout_in': 1,
    'proxy.config.http.transaction_no_activity_timeout_out': 60,
  }
  const { origin, proxy } = await setUp(t, late, { records })
  const answerTo = async (body: string): Promise<string> => {
    const { socket, status } = connected(proxy.port)
    const head = `POST http://origin.example:${origin.port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\n`
    socket.write(head + body)
    await once(socket, 'close')
    return status()
  }
  t.equal(await answerTo('ab'), '408', 'the body stood still')
  t.equal(await answerTo('abcd'), '200', 'the origin has taken longer than a client may')
})

test('a reload changes the timeouts', async t => {
  const conf = (seconds: number) => ({
    records: {
      'proxy.config.http.transaction_no_activity_timeout_in': seconds,
      'proxy.config.http.keep_alive_no_activity_timeout_in': seconds,
    },
  })
  const proxy = await startProxyHere(conf(100))
  t.teardown(() => proxy.stop())
  proxy.conf.write(conf(1))
  await proxy.server.reload()
  const begin = performance.now()
  const silent = connect({ port: proxy.port, host: '127.0.0.1' })
  const answered = connect({ port: proxy.port, host: '127.0.0.1' })
  answered.write('GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: x\r\n\r\n')
  for (const socket of [silent, answered]) socket.resume().on('error', () => {})
  await Promise.all([once(silent, 'close'), once(answered, 'close')])
  t.ok(performance.now() - begin < 6000, 'a silent client, and one between two requests')
})
