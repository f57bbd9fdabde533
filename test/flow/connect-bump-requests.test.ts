/** What goes on inside a connection that was bumped. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { type Bumping, startBumping } from '../kit/bumping.js'
import { httpsOrigin, testRoot } from '../kit/connecting.js'
import { guardServer } from '../kit/tcp-server.js'

const HOST = 'www.google.com'
const OTHER = 'www.yahoo.com'

const start = (t: Test): Promise<Bumping> => startBumping(t, { hosts: [HOST, OTHER] })

test('requests inside a bumped CONNECT are for the verified name', async t => {
  const { open, trusted } = await start(t)
  const origin = await httpsOrigin(t, HOST)
  const authority = `${HOST}:${origin.port}`
  const { client } = await open(authority)
  const inside = await client.secure({ servername: HOST, ca: trusted })
  const cases: [request: string, status: number][] = [
    [`GET /a HTTP/1.1\r\nHost: ${authority}\r\n\r\n`, 200],
    [`GET https://${authority}/b HTTP/1.1\r\nHost: ${authority}\r\n\r\n`, 200],
    [`OPTIONS * HTTP/1.1\r\nHost: ${authority}\r\n\r\n`, 200],
    [`GET /c HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`, 421],
    [`GET /d HTTP/1.1\r\nHost: ${OTHER}:${origin.port}\r\n\r\n`, 421],
    [`GET http://${authority}/e HTTP/1.1\r\nHost: ${authority}\r\n\r\n`, 421],
    [`GET https://${OTHER}/f HTTP/1.1\r\nHost: ${authority}\r\n\r\n`, 421],
    [`GET /g HTTP/1.1\r\nHost: ${authority.toUpperCase()}\r\n\r\n`, 200],
    [`GET g HTTP/1.1\r\nHost: ${authority}\r\n\r\n`, 400],
  ]
  for (const [request, status] of cases) {
    inside.send(request)
    t.equal((await inside.response()).status, status, request.split('\r\n').slice(0, 2).join(' '))
  }
  t.strictSame(
    origin.requests.map(({ url }) => url),
    ['/a', '/b', '*', '/g'],
  )
})

test('ip_allow.yaml limits the methods inside a bumped CONNECT', async t => {
  const allow = 'ip_allow:\n  - {apply: in, ip_addrs: 127.0.0.1, action: allow, methods: [CONNECT, GET]}\n'
  const { open, trusted } = await startBumping(t, { hosts: [HOST], files: { 'ip_allow.yaml': allow } })
  const origin = await httpsOrigin(t, HOST)
  const authority = `${HOST}:${origin.port}`
  const { client } = await open(authority)
  const inside = await client.secure({ servername: HOST, ca: trusted })
  const ask = async (method: string) => {
    inside.send(`${method} /${method} HTTP/1.1\r\nHost: ${authority}\r\nContent-Length: 0\r\n\r\n`)
    return inside.response()
  }
  t.equal((await ask('GET')).status, 200)
  const denied = await ask('DELETE')
  t.equal(denied.status, 403)
  t.match(denied.body.toString(), /may not send DELETE to this proxy/)
  t.equal((await ask('GET')).status, 200, 'the connection goes on')
  t.strictSame(
    origin.requests.map(({ url }) => url),
    ['/GET', '/GET'],
  )
})

test('another SNI is verified at the address of CONNECT, and is what requests are for', async t => {
  const { open, gate, trusted } = await start(t)
  const origin = await httpsOrigin(t, OTHER)
  const { client } = await open(`127.0.0.1:${origin.port}`)
  const inside = await client.secure({ servername: OTHER, ca: trusted })
  t.equal(inside.socket.getPeerX509Certificate()?.subjectAltName, `DNS:${OTHER}`)
  t.strictSame(
    gate.asked.map(({ sni }) => sni),
    [OTHER],
  )
  inside.send(`GET / HTTP/1.1\r\nHost: ${OTHER}:${origin.port}\r\n\r\n`)
  t.equal((await inside.response()).status, 200)
  t.equal(origin.connections, 1)
})

test('a WebSocket passes inside a bumped CONNECT', async t => {
  const leaf = await (await testRoot()).issue({ cn: HOST })
  const server = createServer({ cert: leaf.chainPem, key: leaf.keyPem })
  server.on('upgrade', (request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    socket.write(`for ${request.headers.host} `)
    socket.pipe(socket)
  })
  const guard = await guardServer(server)
  t.teardown(guard.stop)
  const { open, trusted } = await start(t)
  const authority = `${HOST}:${guard.port}`
  const { client } = await open(authority)
  const inside = await client.secure({ servername: HOST, ca: trusted })
  inside.send(`GET /chat HTTP/1.1\r\nHost: ${authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)
  t.equal((await inside.response()).status, 101)
  inside.send('and back')
  await inside.until(
    () => (inside.pending().toString() === `for ${authority} and back` ? true : undefined),
    'the echo',
  )
  t.pass()
})

test('limits of a reload hold for connections to come, and for requests on those that are open', async t => {
  const { open, proxy, trusted } = await start(t)
  const origin = await httpsOrigin(t, HOST)
  const authority = `${HOST}:${origin.port}`
  const connect = async () => {
    const { client } = await open(authority)
    const inside = await client.secure({ servername: HOST, ca: trusted })
    return async (field = '') => {
      inside.send(`GET / HTTP/1.1\r\nHost: ${authority}\r\n${field}\r\n`)
      const response = await inside.response()
      return `${response.status} ${response.header('keep-alive')}`
    }
  }
  const before = await connect()
  t.equal(await before(), '200 timeout=120')
  appendFileSync(
    join(proxy.conf.path, 'records.config'),
    'CONFIG proxy.config.http.keep_alive_no_activity_timeout_in INT 7\n' +
      'CONFIG proxy.config.http.request_header_max_size INT 2000\n',
  )
  await proxy.server.reload()
  t.equal(await before(), '200 timeout=7')
  const after = await connect()
  t.equal(await after(), '200 timeout=7')
  t.match(await after(`X: ${'x'.repeat(2000)}\r\n`), /^431 /)
})

test('a tunnel that was judged before a reload is bumped after it, though no other is', async t => {
  const { open, proxy, trusted } = await start(t)
  const origin = await httpsOrigin(t, HOST)
  const authority = `${HOST}:${origin.port}`
  const { client } = await open(authority)
  const records = join(proxy.conf.path, 'records.config')
  writeFileSync(records, readFileSync(records, 'utf8').replace('verify STRING bump', 'verify STRING probe'))
  await proxy.server.reload()
  await new Promise(resolve => setTimeout(resolve, 100)) // time to discard what nothing needs
  const inside = await client.secure({ servername: HOST, ca: trusted })
  inside.send(`GET / HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
  t.equal((await inside.response()).status, 200)
  const next = await (await open(authority)).client.secure({
    servername: HOST,
    ca: (await testRoot()).certPem,
  })
  t.match(next.socket.getPeerX509Certificate()?.issuer, 'CN=Root', 'the certificate of the origin')
})

test('a client that may be silent keeps no configuration: it is judged by the one in force when it speaks', async t => {
  const { open, proxy, trusted } = await startBumping(t, {
    hosts: [HOST],
    records: { 'proxy.config.http.connect.verify': 'tunnel' },
    files: { 'sni.yaml': 'sni:\n- {fqdn: a.test.example, connect_verify: bump}\n' },
  })
  const origin = await httpsOrigin(t, HOST)
  const { client } = await open(`${HOST}:${origin.port}`)
  writeFileSync(join(proxy.conf.path, 'sni.yaml'), `sni:\n- {fqdn: ${HOST}, connect_verify: bump}\n`)
  await proxy.server.reload()
  const inside = await client.secure({ servername: HOST, ca: trusted })
  t.match(inside.socket.getPeerX509Certificate()?.issuer, 'CN=Bump CA')
})
