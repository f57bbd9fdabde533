import { test } from 'tap'
import { rawClient, tlsClient } from './client.js'
import { parseResponse } from './http-response.js'
import { nginxOrigin } from './nginx-origin.js'
import { nodeOrigin } from './node-origin.js'
import { makeAuthority } from './pki.js'
import { rawOrigin } from './raw-origin.js'
import { telnet } from './telnet.js'

test('the raw client takes several responses from one connection', async t => {
  const origin = await nodeOrigin()
  t.teardown(() => origin.stop())
  const client = await rawClient(origin.port)
  t.teardown(() => client.stop())
  client.send('GET /bytes/5 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /bytes/9 HTTP/1.1\r\nHost: a\r\n\r\n')
  client.send(
    'GET /chunked HTTP/1.1\r\nHost: b\r\n\r\nPOST /echo HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\nabc',
  )
  t.equal((await client.response()).body.toString(), 'xxxxx')
  const head = await client.response('HEAD')
  t.match(head, { status: 200, body: { length: 0 } })
  t.equal(head.header('CONTENT-length'), '9')
  t.equal((await client.response()).body.toString(), 'onetwothree', 'chunks are joined')
  t.equal((await client.response()).body.toString(), 'abc')
  t.equal(origin.connections, 1, 'the origin has seen one connection')
  t.match(origin.requests[3], { method: 'POST', url: '/echo', connection: 0, headers: { host: 'b' } })
  t.equal(origin.requests[3]?.body().toString(), 'abc', 'and keeps bodies')
  client.send('GET /hang HTTP/1.1\r\nHost: a\r\n\r\n')
  await t.rejects(client.response('GET', 50), /waited 50 ms for a response/)
})

test('the response parser is strict', async t => {
  const parse = (text: string, isEnded = false): unknown => parseResponse(Buffer.from(text), 'GET', isEnded)
  t.throws(() => parse('HTTP/2 200 OK\r\n\r\n'), /status line/)
  t.throws(() => parse('HTTP/1.1 200 OK\r\nbad field: x\r\n\r\n'), /header field/)
  t.throws(
    () => parse('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n'),
    /framing/,
  )
  t.throws(() => parse('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n'), /end of chunk/)
  t.equal(parse('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n'), undefined, 'waits for the end')
  t.equal(parse('HTTP/1.1 200 OK\r\n\r\nabc'), undefined, 'a body without a length lasts')
  t.match(parse('HTTP/1.1 200 OK\r\n\r\nabc', true), { body: { length: 3 } }, 'until the end')
})

test('TLS origins tell what they have seen', async t => {
  const root = await makeAuthority({ name: 'Root' })
  const leaf = await root.issue({ cn: 'node.test', sans: ['node.test', '127.0.0.1'] })
  const origin = await nodeOrigin({ tls: { ...leaf, ALPNProtocols: ['http/1.1'] } })
  t.teardown(() => origin.stop())
  await t.rejects(tlsClient(origin.port, { servername: 'node.test' }), {
    code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  })
  const trust = { ca: root.certPem, servername: 'node.test', ALPNProtocols: ['http/1.1'] }
  const client = await tlsClient(origin.port, trust)
  client.send('GET / HTTP/1.1\r\nHost: node.test\r\n\r\n')
  t.equal((await client.response()).body.toString(), 'hello from node.test\n')
  t.match(origin.handshakes.at(-1), {
    sni: 'node.test',
    alpn: 'http/1.1',
    protocol: 'TLSv1.3',
    isResumed: false,
  })
  client.stop()
  await origin.until(() => (origin.openConnections === 0 ? true : undefined), 'the end of all connections')

  const nginx = await nginxOrigin(leaf)
  t.teardown(() => nginx.stop())
  const plain = await rawClient(nginx.httpPort)
  plain.send('GET / HTTP/1.0\r\n\r\n')
  t.equal((await plain.response()).body.toString(), 'hello from nginx\n', 'nginx serves HTTP')
  const secure = await tlsClient(nginx.httpsPort, trust)
  secure.send('GET / HTTP/1.0\r\n\r\n')
  t.equal((await secure.response()).body.toString(), 'hello from nginx\n', 'and HTTPS')
})

test('telnet can be typed to', async t => {
  const origin = await rawOrigin(async connection => {
    await connection.until(() => (connection.text().endsWith('\r\n\r\n') ? true : undefined), 'an empty line')
    connection.send('HTTP/1.1 200 OK\r\n\r\nhello')
    connection.end()
  })
  t.teardown(() => origin.stop())
  const keyboard = await telnet(origin.port)
  t.teardown(() => keyboard.stop())
  keyboard.type('GET / HTTP/1.1')
  keyboard.type('')
  await keyboard.until(/200 OK[\s\S]*hello/)
  await keyboard.closed()
  t.equal(origin.connections[0]?.text(), 'GET / HTTP/1.1\r\n\r\n', 'and ends its lines as HTTP wants it')
})
