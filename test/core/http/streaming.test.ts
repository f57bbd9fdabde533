import { createServer } from 'node:http'
import { connect, createServer as createTcpServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { heldSince, memoryBaseline } from '../../kit/memory.js'
import { nginxOrigin } from '../../kit/nginx-origin.js'
import { makeAuthority } from '../../kit/pki.js'
import { ask, listen, raw, startListener } from '../../kit/running-listener.js'

const MB = 1024 * 1024
const TOTAL = 50 * MB
/** What may pile up in the proxy while one side is slow. Without back-pressure it would be all that is sent. */
const FLAT = 8 * MB

test('a slow reader of 50 MB keeps the proxy small', async t => {
  const block = Buffer.alloc(64 * 1024, 'x')
  let sent = 0
  const server = createServer((_, res) => {
    res.setHeader('Content-Length', TOTAL)
    const more = (): void => {
      while (sent < TOTAL) {
        sent += block.length
        if (!res.write(block)) return
      }
      res.end()
    }
    res.on('drain', more)
    more()
  })
  const origin = await listen(t, server)
  const { port, done } = await startListener(t)
  const before = await memoryBaseline()
  const socket = connect(port, '127.0.0.1')
  socket.write(`GET http://127.0.0.1:${origin}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  socket.pause()
  await sleep(150)
  t.ok(sent < TOTAL / 2, `the origin had to wait (${sent} bytes sent)`)
  const held = await heldSince(before, FLAT)
  t.ok(held < FLAT, `memory stays flat (${held} bytes held)`)
  let received = 0
  socket.on('data', chunk => {
    received += chunk.length
  })
  socket.resume()
  await new Promise(resolve => socket.on('close', resolve))
  t.ok(received > TOTAL, 'all of it arrives')
  t.match(done, [{ bytesDown: TOTAL, error: undefined }])
})

test('a slow origin that takes 50 MB keeps the proxy small', async t => {
  let received = 0
  let goOn = (): void => {}
  const server = createServer((req, res) => {
    req.pause()
    goOn = () => req.resume()
    req.on('data', chunk => {
      received += chunk.length
    })
    req.on('end', () => res.end(String(received)))
  })
  const origin = await listen(t, server)
  const { port, done } = await startListener(t)
  const before = await memoryBaseline()
  const socket = connect(port, '127.0.0.1')
  socket.write(
    `POST http://127.0.0.1:${origin}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`,
  )
  const block = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536, 'y'), Buffer.from('\r\n')])
  let sent = 0
  const more = (): void => {
    while (sent < TOTAL) {
      sent += 65_536
      if (!socket.write(block)) return
    }
    socket.removeListener('drain', more)
    socket.write('0\r\n\r\n')
  }
  socket.on('drain', more)
  more()
  await sleep(100)
  t.ok(sent < TOTAL / 2, `the client had to wait (${sent} bytes sent)`)
  const held = await heldSince(before, FLAT)
  t.ok(held < FLAT, `memory stays flat (${held} bytes held)`)
  goOn()
  let answer = ''
  socket.on('data', chunk => {
    answer += chunk
  })
  await new Promise(resolve => socket.on('close', resolve))
  t.match(answer, new RegExp(`${TOTAL}`), 'all of it arrives')
  t.match(done, [{ bytesUp: TOTAL, error: undefined }])
})

test('nginx as the origin', async t => {
  const authority = await makeAuthority({ name: 'Test CA' })
  const leaf = await authority.issue({ cn: 'origin.test' })
  const nginx = await nginxOrigin({
    ...leaf,
    server: `
      location / { return 200 "hello\\n"; }
      location /echo { proxy_pass http://127.0.0.1:$server_port/sink; client_max_body_size 100m; }
      location /sink { client_max_body_size 100m; return 200 $request_method; }
      location /204 { return 204; }
      location /small { client_max_body_size 10; proxy_pass http://127.0.0.1:$server_port/sink; }`,
    http: 'keepalive_requests 3;',
  })
  t.teardown(() => nginx.stop())
  const url = `http://127.0.0.1:${nginx.httpPort}`
  const { port, done } = await startListener(t)
  for (let i = 0; i < 7; i++) t.match(await ask(port, url), { status: 200, body: 'hello\n' })
  t.equal(done.filter(d => d.isReused).length, 4, 'three requests to a connection, as nginx wants it')
  t.match(await ask(port, `${url}/204`), { status: 204, body: '' })
  t.match(await ask(port, url, { method: 'HEAD' }), {
    status: 200,
    body: '',
    headers: { 'content-length': '6' },
  })
  t.match(await ask(port, `${url}/echo`, { method: 'POST', body: 'x'.repeat(3 * MB) }), {
    status: 200,
    body: 'POST',
  })
  t.match(await ask(port, `${url}/small`, { method: 'POST', body: 'x'.repeat(100) }), { status: 413 })
  t.match(await raw(port, `GET ${url}/ HTTP/1.0\r\n\r\n`), /^HTTP\/1\.1 200 OK.*\r\n\r\nhello\n$/s)
})

test('a client that takes nothing stops the origin, however small the pieces', async t => {
  let sent = 0
  const server = createTcpServer(socket => {
    const piece = Buffer.alloc(8000)
    const more = (): void => {
      if (sent > 200e6 || socket.destroyed) return
      sent += piece.length
      if (socket.write(piece)) setImmediate(more)
      else socket.once('drain', more)
    }
    socket.on('error', () => socket.destroy())
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n')
      more()
    })
  })
  const url = `http://127.0.0.1:${await listen(t, server)}/`
  const { port } = await startListener(t)
  const client = connect({ port, host: '127.0.0.1' })
  t.teardown(() => client.destroy())
  client.pause()
  client.write(`GET ${url} HTTP/1.1\r\nHost: x\r\n\r\n`)
  let before = -1
  while (sent !== before || sent === 0) {
    before = sent
    await sleep(300)
  }
  t.ok(sent < 50e6, `${sent} bytes are in buffers of the system`)
})

test('a response that is cut off is told of once', async t => {
  const server = createTcpServer(socket => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart')
      setTimeout(() => socket.destroy(), 30)
    })
  })
  const url = `http://127.0.0.1:${await listen(t, server)}/`
  const { port, done } = await startListener(t)
  await t.rejects(ask(port, url))
  await sleep(30)
  t.match(done, [{ status: 200, bytesDown: 4, error: { code: 'PTC_ORIGIN_CLOSED' } }])
  t.equal(done.length, 1)
})
