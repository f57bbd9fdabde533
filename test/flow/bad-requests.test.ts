/** What a client may get wrong: a clear answer each time, and the next one is served as if nothing had been. */
import { type Test, test } from 'tap'
import { get, rawClient } from '../kit/client.js'
import { type NodeOrigin, nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { type ProxyHere, startProxyHere } from '../kit/proxy.js'
import { rawOrigin, scripts } from '../kit/raw-origin.js'
import { freePort } from '../kit/tcp-server.js'

const HOST = 'good.test'

async function setUp(t: Test): Promise<{ proxy: ProxyHere; origin: NodeOrigin; url: string }> {
  const root = await makeAuthority({ name: 'Root' })
  const origin = await nodeOrigin({ tls: await root.issue({ cn: HOST }) })
  t.teardown(origin.stop)
  const proxy = await startProxyHere({ hosts: [HOST], ca: root.certPem })
  t.teardown(proxy.stop)
  return { proxy, origin, url: `https://${HOST}:${origin.port}/` }
}

const target = (text: string, host = 'a') =>
  `GET ${text} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/plain\r\n\r\n`

interface Wrong {
  readonly bytes: string | Buffer
  readonly status?: number
  readonly code: string
  readonly says: RegExp
}

const MALFORMED = 'PTC_REQUEST_MALFORMED'
const TARGET = 'PTC_REQUEST_TARGET'
const SCHEME = 'PTC_REQUEST_SCHEME'

const CASES: Record<string, Wrong> = {
  'is no HTTP': { bytes: 'how do you do\r\n\r\n', code: MALFORMED, says: /cannot be parsed/ },
  'has no version': {
    bytes: 'GET https://a/\r\nHost: a\r\n\r\n',
    code: MALFORMED,
    says: /not in HTTP\/1\.x/,
  },
  'has a version that there is not': {
    bytes: 'GET https://a/ HTTP/7.3\r\nHost: a\r\n\r\n',
    code: MALFORMED,
    says: /HTTP|parsed/,
  },
  'has no method': {
    bytes: ' https://a/ HTTP/1.1\r\nHost: a\r\n\r\n',
    code: MALFORMED,
    says: /cannot be parsed/,
  },
  'has a blank in its target': { bytes: target('https://a/b c'), code: MALFORMED, says: /cannot be parsed/ },
  'has a header field without a colon': {
    bytes: 'GET https://a/ HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n',
    code: MALFORMED,
    says: /cannot be parsed/,
  },
  'has a blank before a colon': {
    bytes: 'GET https://a/ HTTP/1.1\r\nHost : a\r\n\r\n',
    code: MALFORMED,
    says: /cannot be parsed/,
  },
  'has two lengths': {
    bytes: 'POST https://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx',
    code: MALFORMED,
    says: /cannot be parsed/,
  },
  'has a length and chunks': {
    bytes:
      'POST https://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    code: MALFORMED,
    says: /cannot be parsed/,
  },
  'has no Host': { bytes: 'GET https://a/ HTTP/1.1\r\n\r\n', code: MALFORMED, says: /no Host field/ },
  'has two Hosts': {
    bytes: 'GET https://a/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    code: MALFORMED,
    says: /more than one Host/,
  },
  'is TLS': {
    bytes: Buffer.from('1603010200010001fc0303', 'hex'),
    code: MALFORMED,
    says: /speaks TLS to a port for plain HTTP/,
  },
  'is for a web server': {
    bytes: target('/index.html'),
    code: TARGET,
    says: /as a web server receives it; this is a proxy/,
  },
  'has the scheme ftp': { bytes: target('ftp://a/'), code: SCHEME, says: /&quot;ftp&quot;|"ftp"/ },
  'has the scheme javascript': { bytes: target('javascript:alert(1)'), code: TARGET, says: /is not a URL/ },
  'has the scheme gopher': { bytes: target('gopher://a/'), code: SCHEME, says: /gopher/ },
  'has no host': { bytes: target('https:///path'), code: TARGET, says: /has no host/ },
  'has nothing but a user name': { bytes: target('https://me:secret@/'), code: TARGET, says: /has no host/ },
  'has a user name without a scheme': { bytes: target('me:secret@a/'), code: TARGET, says: /is not a URL/ },
  'has a host with a space in code': { bytes: target('https://a%20b/'), code: TARGET, says: /has the host/ },
  'has a host with an empty label': { bytes: target('https://a..b/'), code: TARGET, says: /has the host/ },
  'has a host that some read as an address': {
    bytes: target('https://127.1/'),
    code: TARGET,
    says: /has the host/,
  },
  'has a broken IPv6 address': { bytes: target('https://[::1/'), code: TARGET, says: /has the host/ },
  'has a label of 64 characters': {
    bytes: target(`https://${'a'.repeat(64)}.test/`),
    code: TARGET,
    says: /has the host/,
  },
  'has port 0': { bytes: target('https://a:0/'), code: TARGET, says: /has the port/ },
  'has port 65536': { bytes: target('https://a:65536/'), code: TARGET, says: /has the port/ },
  'has a port in words': { bytes: target('https://a:https/'), code: TARGET, says: /has the port/ },
  'has a fragment': { bytes: target('https://a/#b'), code: TARGET, says: /has a fragment/ },
  'has a header field of 200 KB': {
    bytes: `GET https://a/ HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(200_000)}\r\n\r\n`,
    status: 431,
    code: 'PTC_REQUEST_HEADERS_TOO_LARGE',
    says: /too large/,
  },
  'has 80000 header fields': {
    bytes: `GET https://a/ HTTP/1.1\r\nHost: a\r\n${'x: y\r\n'.repeat(80_000)}\r\n`,
    status: 431,
    code: 'PTC_REQUEST_HEADERS_TOO_LARGE',
    says: /too large/,
  },
  'has a target of 200 KB': {
    bytes: target(`https://a/${'x'.repeat(200_000)}`),
    status: 431,
    code: 'PTC_REQUEST_HEADERS_TOO_LARGE',
    says: /too large/,
  },
}

test('malformed requests are refused', async t => {
  const { proxy, origin, url } = await setUp(t)
  for (const [name, { bytes, status = 400, code, says }] of Object.entries(CASES)) {
    await t.test(`one that ${name}`, async t => {
      const client = await rawClient(proxy.port)
      t.teardown(client.stop)
      client.send(bytes)
      const response = await client.response()
      const page = response.body.toString()
      t.equal(response.status, status)
      t.match(page, code)
      t.match(page, says)
      t.match(response.header('proxy-status'), `portcullis; error=http_request_error; details="${code}`)
      t.notMatch(page, /<script|\.js:\d+/)
    })
  }
  t.equal(origin.connections, 0, 'none of them got anywhere')
  t.equal((await get(proxy.port, url)).status, 200, 'the proxy serves on')
})

test('a request that stops half-way is not served', async t => {
  const { proxy, url } = await setUp(t)
  for (const part of ['G', 'GET https://a/ HTTP/1.1\r\n', 'GET https://a/ HTTP/1.1\r\nHost: a\r\nX: y']) {
    const client = await rawClient(proxy.port)
    client.send(part)
    client.end()
    await client.ended()
    t.notMatch(client.text(), / 200 /)
    client.stop()
  }
  t.equal((await get(proxy.port, url)).status, 200, 'the proxy serves on')
})

test('no header field is dropped, however many there are', async t => {
  const { proxy } = await setUp(t)
  const origin = await rawOrigin(scripts.reply('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
  t.teardown(origin.stop)
  const fields = [...Array.from({ length: 3000 }, (_, i) => `x${i}: y`), 'Last: one']
  t.equal((await get(proxy.port, `http://${HOST}:${origin.port}/`, fields)).status, 200)
  const lines = origin.connections[0]?.text().toLowerCase().split('\r\n') ?? []
  t.equal(lines.filter(line => /^x\d+: y$/.test(line)).length, 3000)
  t.ok(lines.includes('last: one'))
})

test('a request to a port where nothing listens is answered 502', async t => {
  const { proxy } = await setUp(t)
  const refused = await get(proxy.port, `https://${HOST}:${await freePort()}/`)
  t.equal(refused.status, 502)
  t.match(refused.body.toString(), /cannot connect to good\.test:\d+ \(ECONNREFUSED\).*PTC_CONNECT_REFUSED/s)
  t.match(refused.header('proxy-status'), /error=connection_refused/)
})
