/** Hints that would take a client round the proxy: Alt-Svc, Alt-Used, ALTSVC and ORIGIN frames (RFC 7838, RFC 8336). */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'
import { get } from '../kit/client.js'
import { testRoot } from '../kit/connecting.js'
import { at, HOST, http2Origin, inside, speaking, start } from '../kit/http2-bumping.js'
import { Http2Client, tlsSocket } from '../kit/http2-client.js'
import type { Http2Answer, Http2Origin } from '../kit/http2-origin.js'
import { startProxyHere } from '../kit/proxy.js'

const OFFER = 'h3=":443"; ma=86400'
const KEEP = { 'proxy.config.http.alt_svc': 'keep' } as const

/** Offers another service in every place where HTTP/2 has one. */
const offering: Http2Answer = (req, res) => {
  const { stream } = req as unknown as { stream: ServerHttp2Stream }
  const session = stream.session as ServerHttp2Session | undefined
  session?.altsvc(OFFER, `https://${HOST}`)
  session?.origin(`https://${HOST}`, 'https://other.example')
  stream.additionalHeaders({ ':status': 103, 'alt-svc': OFFER, link: '</style.css>' })
  res.setHeader('Alt-Svc', OFFER)
  res.setHeader('X-Kept', 'yes')
  res.addTrailers({ 'alt-svc': OFFER, 'x-sum': '1' })
  res.end('hello')
}

interface Seen {
  readonly frames: string[]
  readonly fields: readonly (string | undefined)[]
}

/** What a client of HTTP/2 is told: frames, and Alt-Svc in an interim response, a head and trailers. */
async function toldTo(client: Http2Client, headers: Parameters<Http2Client['ask']>[0]): Promise<Seen> {
  const frames: string[] = []
  client.session.on('altsvc', () => frames.push('ALTSVC'))
  client.session.on('origin', () => frames.push('ORIGIN'))
  const answer = await client.ask(headers)
  const altSvc = (fields: IncomingHttpHeaders | undefined): string | undefined =>
    fields?.['alt-svc']?.toString()
  await client.ask(headers) // what came late to the first one is there now
  const { interim, trailers } = answer
  return {
    frames: [...new Set(frames)].sort(),
    fields: [altSvc(interim[0]), altSvc(answer.headers), altSvc(trailers)],
  }
}

const bumped = async (t: Test, origin: Http2Origin, records = {}): Promise<Seen> => {
  const client = await speaking(t, await start(t, { records }), origin.port)
  return toldTo(client, at(origin.port, '/', { 'alt-used': 'other.example' }))
}

test('nothing of it reaches a client inside a bump, by HTTP/2', async t => {
  const origin = await http2Origin(t, [HOST], offering)
  const direct = new Http2Client(
    await tlsSocket(origin.port, { ca: (await testRoot()).certPem, servername: HOST, alpn: ['h2'] }),
  )
  t.teardown(direct.stop)
  t.strictSame(
    await toldTo(direct, at(origin.port, '/')),
    { frames: ['ALTSVC', 'ORIGIN'], fields: [OFFER, OFFER, OFFER] },
    'a client without a proxy is told all of it',
  )
  t.strictSame(await bumped(t, origin), { frames: [], fields: [undefined, undefined, undefined] })
  t.equal(origin.seen.at(-1)?.headers['alt-used'], undefined)
  t.strictSame(await bumped(t, origin, KEEP), { frames: [], fields: [OFFER, OFFER, OFFER] })
  t.equal(origin.seen.at(-1)?.headers['alt-used'], 'other.example')
})

test('nor by HTTP/1.1, whose origin speaks HTTP/2', async t => {
  const origin = await http2Origin(t, [HOST], offering)
  const read = async (records = {}): Promise<string> => {
    const stage = await start(t, { records })
    const socket = await inside(t, stage, origin.port, ['http/1.1'])
    socket.write(
      `GET / HTTP/1.1\r\nHost: ${HOST}:${origin.port}\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n`,
    )
    let text = ''
    socket.setEncoding('latin1').on('data', (more: string) => {
      text += more
    })
    await once(socket, 'end')
    return text
  }
  const text = await read()
  t.match(text, /^HTTP\/1\.1 103 [\s\S]*link: [\s\S]*HTTP\/1\.1 200 [\s\S]*x-kept: yes[\s\S]*x-sum: 1/i)
  t.notMatch(text, /alt-svc/i)
  t.equal((await read(KEEP)).match(/alt-svc: h3/gi)?.length, 3)
})

test('nor one that asks in absolute form', async t => {
  const asked: IncomingMessage[] = []
  const server = createServer((req: IncomingMessage, res: ServerResponse) => {
    asked.push(req)
    res.setHeader('ALT-SVC', OFFER)
    res.end('hello')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const proxy = await startProxyHere({ hosts: ['a.test'] })
  t.teardown(proxy.stop)
  const answer = await get(proxy.port, `http://a.test:${port}/`, ['Alt-Used: other.test', 'X-Kept: yes'])
  t.equal(answer.status, 200)
  t.equal(answer.header('alt-svc'), undefined)
  t.match(asked[0]?.headers, { 'x-kept': 'yes' })
  t.equal(asked[0]?.headers['alt-used'], undefined)
})
