/** Pipelined requests are served one after another; and bodies that are still coming when the answer is there. */
import { createServer, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import type { ListenerOptions } from '../../../core/http/listener/listener.js'
import { endGently } from '../../../core/vconn/link.js'
import { type RawClient, rawClient } from '../../kit/client.js'
import { rawOrigin, scripts } from '../../kit/raw-origin.js'
import { listen, raw, startListener } from '../../kit/running-listener.js'
import { Watch } from '../../kit/watch.js'

async function clientOf(t: Test, port: number): Promise<RawClient> {
  const client = await rawClient(port)
  t.teardown(client.stop)
  return client
}

/** An origin that holds its answers until it is told. */
async function holdingOrigin(t: Test) {
  const watch = new Watch()
  const held: { readonly path: string; readonly res: ServerResponse }[] = []
  const server = createServer((req, res) => {
    held.push({ path: req.url ?? '', res })
    watch.changed()
  })
  const url = `http://127.0.0.1:${await listen(t, server)}`
  const request = (n: number) =>
    watch.until(
      () => held[n],
      () => `request ${n}`,
    )
  return { url, held, request }
}

const get = (url: string): string => `GET ${url} HTTP/1.1\r\nHost: x\r\n\r\n`

test('pipelined requests are answered in order, each asked when the one before is answered', async t => {
  const { url, held, request } = await holdingOrigin(t)
  const { port } = await startListener(t)
  const client = await clientOf(t, port)
  client.send(get(`${url}/0`) + get(`${url}/1`) + get(`${url}/2`))
  for (const n of [0, 1, 2]) {
    const { path, res } = await request(n)
    t.equal(path, `/${n}`)
    if (n === 0) await sleep(30)
    t.equal(held.length, n + 1, 'the next one waits')
    res.end(`answer ${n}`)
    t.equal((await client.response()).body.toString(), `answer ${n}`)
  }
})

test('a thousand requests ahead are all answered, over one connection to the origin', async t => {
  let connections = 0
  const server = createServer((req, res) => res.end(req.url)).on('connection', () => (connections += 1))
  const url = `http://127.0.0.1:${await listen(t, server)}`
  const { port } = await startListener(t)
  const client = await clientOf(t, port)
  const count = 1000
  client.send(Array.from({ length: count }, (_, n) => get(`${url}/${n}`)).join(''))
  for (let n = 0; n < count; n++) {
    const { body } = await client.response()
    if (body.toString() !== `/${n}`) t.fail(`answer ${n} is ${body}`)
  }
  t.equal(connections, 1)
})

test('bodies of pipelined requests go to their own requests', async t => {
  const server = createServer((req, res) => req.pipe(res))
  const url = `http://127.0.0.1:${await listen(t, server)}`
  const { port } = await startListener(t)
  const client = await clientOf(t, port)
  const post = (body: string): string =>
    `POST ${url}/ HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  const bodies = ['a'.repeat(100_000), '', 'b', 'c'.repeat(50_000)]
  client.send(bodies.map(post).join(''))
  for (const body of bodies) t.equal((await client.response()).body.toString(), body)
})

test('unreadable bytes after a request do not harm it', async t => {
  const { url, request } = await holdingOrigin(t)
  const { port } = await startListener(t)
  const client = await clientOf(t, port)
  client.send(`${get(`${url}/0`)}garbage\r\n\r\n`)
  const { res } = await request(0)
  await sleep(30)
  t.equal(client.text(), '', 'its turn comes first')
  res.end('fine')
  t.equal((await client.response()).body.toString(), 'fine')
  t.equal((await client.response()).status, 400)
  await client.ended()
})

test('requests after one that closes the connection are not served', async t => {
  const { url, held, request } = await holdingOrigin(t)
  const { port } = await startListener(t)
  const client = await clientOf(t, port)
  client.send(get(`${url}/0`).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n') + get(`${url}/1`))
  ;(await request(0)).res.end()
  t.equal((await client.response()).header('connection'), 'close')
  await client.ended()
  t.equal(held.length, 1)
})

test('CONNECT behind a request waits for the answer: a tunnel never mixes with a response', async t => {
  const { url, request } = await holdingOrigin(t)
  const onConnect: ListenerOptions['onConnect'] = (_req, link) => {
    link.write(Buffer.from('tunnel'))
    endGently(link)
  }
  const { port } = await startListener(t, { listener: { onConnect } })
  const client = await clientOf(t, port)
  client.send(`${get(url)}CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n`)
  const { res } = await request(0)
  await sleep(50)
  t.equal(client.text(), '')
  res.end('answer')
  await client.ended()
  t.match(client.text(), /\r\n\r\nanswertunnel$/)
})

test('an answer that comes before the body is complete reaches the client', async t => {
  const origin = await rawOrigin(scripts.reply('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno'))
  t.teardown(origin.stop)
  const listener = await startListener(t)
  const client = await clientOf(t, listener.port)
  const size = 3_000_000
  client.send(`POST http://127.0.0.1:${origin.port}/ HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`)
  const answer = await client.response()
  t.match(answer, { status: 413 })
  t.equal(listener.connector.idleConnections, 0, 'the connection to the origin is of no more use')
  client.send(Buffer.alloc(size))
  client.send(get('http://127.0.0.1:1/'))
  t.equal((await client.response()).status, 502, 'once its body has been read, the client is served on')
})

test('a body that goes on without end after the answer is cut off', async t => {
  const origin = await rawOrigin(scripts.reply('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno'))
  t.teardown(origin.stop)
  const { port } = await startListener(t, { limits: { headersTimeout: 3000 } })
  const begin = async (framing: string): Promise<RawClient> => {
    const client = await clientOf(t, port)
    client.send(`POST http://127.0.0.1:${origin.port}/ HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n`)
    t.equal((await client.response()).status, 413)
    return client
  }
  const trickling = await begin('Transfer-Encoding: chunked')
  const startedAt = performance.now()
  const trickle = setInterval(() => trickling.send('1\r\nx\r\n'), 50)
  const silent = await begin('Content-Length: 1000')
  const flooding = await begin('Content-Length: 999999999999')
  const block = Buffer.alloc(1_000_000)
  let sent = 0
  const send = (why?: Error | null): void => {
    if (why != null) return
    sent += block.length
    flooding.socket.write(block, send)
  }
  send()
  await silent.ended(10_000)
  t.notOk(trickling.isEnded, 'a client that pauses has less time than one that goes on')
  await trickling.ended(10_000)
  clearInterval(trickle)
  t.ok(performance.now() - startedAt >= 3000, 'which has as long as it may be silent in a head')
  await flooding.ended(20_000)
  t.ok(sent > 250e6 && sent < 400e6, `${sent} bytes are too many`)
})

test('a page that comes before the body is complete reaches the client', async t => {
  const { port } = await startListener(t)
  const client = await clientOf(t, port)
  const size = 3_000_000
  client.send(`POST http://127.0.0.1:1/ HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`)
  client.send(Buffer.alloc(size))
  t.equal((await client.response()).status, 502)
  client.send(get('http://127.0.0.1:1/'))
  t.equal((await client.response()).status, 502)
})

for (const limits of [{ idleTimeout: 800 }, { activeTimeout: 800 }] as const)
  test(`a request sent ahead has a time of its own: ${JSON.stringify(limits)}`, async t => {
    const origin = createServer((req, res) => {
      if (req.url !== '/silent') setTimeout(() => res.end('quick'), 50)
    })
    const at = `http://127.0.0.1:${await listen(t, origin)}`
    const { port, done } = await startListener(t, { forwarder: limits })
    const get = (url: string): string => `GET ${url} HTTP/1.1\r\nHost: x\r\n\r\n`
    for (const [first, status] of [
      [`${at}/quick`, 200],
      ['http://127.0.0.1:1/', 502],
    ] as const) {
      await raw(port, get(first) + get(`${at}/silent`), 'HTTP/1.1 504 ')
      t.match(done.splice(0), [{ status }, { status: 504 }], first)
    }
  })
