/** What an origin or a client says before it closes a connection on which the proxy is still writing. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer as createTlsServer } from 'node:tls'
import { type Test, test } from 'tap'
import { rawClient } from '../kit/client.js'
import { testRoot } from '../kit/connecting.js'
import { type ProxyHere, startProxyHere } from '../kit/proxy.js'
import { listen } from '../kit/running-listener.js'

const HOST = 'origin.example'
const ROUNDS = 10
const ANSWER = 'HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno'
const BODY = Buffer.alloc(5_000_000, 'x')

/** Answers the first bytes of a body and closes, with the rest unread: that resets the connection. */
const refuseAll = (socket: Socket): void => {
  socket.on('error', () => {})
  let size = 0
  socket.on('data', bytes => {
    size += bytes.length
    if (size < 1000 || socket.isPaused()) return
    socket.pause()
    socket.write(ANSWER, () => socket.destroy())
  })
}

async function start(t: Test): Promise<ProxyHere> {
  const root = await testRoot()
  const proxy = await startProxyHere({
    hosts: [HOST],
    ca: root.certPem,
    records: { 'proxy.config.ssl.client.verify.server': 1 },
  })
  t.teardown(proxy.stop)
  return proxy
}

async function secureServer(t: Test, options: object, onClient: (socket: Socket) => void): Promise<number> {
  const { chainPem, keyPem } = await (await testRoot()).issue({ cn: HOST, sans: [HOST] })
  const server = createTlsServer({ cert: chainPem, key: keyPem, ...options }, onClient)
  server.on('tlsClientError', () => {})
  return listen(t, server)
}

async function answersTo(t: Test, proxy: ProxyHere, url: string): Promise<readonly string[]> {
  const answers: string[] = []
  for (let i = 0; i < ROUNDS; i++) {
    const client = await rawClient(proxy.port)
    t.teardown(client.stop)
    client.send(`POST ${url} HTTP/1.1\r\nHost: x\r\nContent-Length: ${BODY.length}\r\n\r\n`)
    client.send(BODY)
    const { status, body } = await client.response()
    answers.push(`${status} ${body.length < 100 ? body : body.toString().match(/PTC_\w+/)}`)
    client.stop()
  }
  return [...new Set(answers)]
}

test('an answer before the end of the body reaches the client, though the origin resets the connection', async t => {
  const proxy = await start(t)
  const plain = await listen(t, createServer(refuseAll))
  t.strictSame(await answersTo(t, proxy, `http://${HOST}:${plain}/`), ['413 no'])
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
    const secure = await secureServer(t, { maxVersion }, refuseAll)
    t.strictSame(await answersTo(t, proxy, `https://${HOST}:${secure}/`), ['413 no'], maxVersion)
  }
})

test('an origin that wants a certificate after the handshake is reported with its alert', async t => {
  const proxy = await start(t)
  const port = await secureServer(
    t,
    { requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' },
    socket => void socket.on('error', () => {}),
  )
  for (let i = 0; i < ROUNDS; i++) {
    const client = await rawClient(proxy.port)
    t.teardown(client.stop)
    client.send(`POST https://${HOST}:${port}/ HTTP/1.1\r\nHost: x\r\nContent-Length: ${BODY.length}\r\n\r\n`)
    client.send(BODY)
    const { status, body } = await client.response()
    t.equal(status, 502)
    t.match(body.toString(), /TLS failed after the handshake: .*alert certificate required/)
    client.stop()
  }
})

test('what a client says before it resets a tunnel reaches the origin, though the origin still sends', async t => {
  const proxy = await startProxyHere({
    hosts: [HOST],
    records: { 'proxy.config.http.connect.verify': 'tunnel', 'proxy.config.http.connect_ports': '*' },
  })
  t.teardown(proxy.stop)
  for (const size of [1, 65_536]) {
    for (let i = 0; i < ROUNDS; i++) {
      let heard = ''
      let closed: Promise<unknown> | undefined
      const port = await listen(
        t,
        createServer(socket => {
          socket.on('error', () => {}).on('data', bytes => (heard += bytes))
          closed = once(socket, 'close')
          const timer = setInterval(() => socket.write(Buffer.alloc(size)), 0)
          socket.on('close', () => clearInterval(timer))
        }),
      )
      const client = connect(proxy.port, '127.0.0.1').on('error', () => {})
      client.write(`CONNECT ${HOST}:${port} HTTP/1.1\r\nHost: x\r\n\r\n`)
      await once(client, 'data')
      client.pause()
      await sleep(20)
      client.write('last words', () => client.resetAndDestroy())
      await closed
      t.equal(heard, 'last words', `an origin that sends ${size} bytes at a time`)
    }
  }
})
