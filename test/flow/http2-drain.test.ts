/** GOAWAY (RFC 9113 section 6.8): a proxy that stops lets the streams of its clients end. */
import { once } from 'node:events'
import { type Test, test } from 'tap'
import { answerOn, Http2Client, tlsSocket } from '../kit/http2-client.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { root, secureProxy } from '../kit/secure-proxy.js'

const HOST = 'origin.example'
/** Milliseconds; longer than the test may take. */
const GRACE = 60_000

async function setUp(t: Test) {
  const waiting: (() => void)[] = []
  const origin = await nodeOrigin({
    handler: (_req, res) => {
      res.write('first ')
      waiting.push(() => res.end('last'))
    },
  })
  t.teardown(origin.stop)
  const { proxy, port } = await secureProxy(t, [])
  const client = async (): Promise<Http2Client> => {
    const made = new Http2Client(await tlsSocket(port, { ca: root.certPem, servername: 'proxy.example' }))
    t.teardown(made.stop)
    await once(made.session, 'remoteSettings')
    return made
  }
  const headers = { ':scheme': 'http', ':authority': `${HOST}:${origin.port}`, ':path': '/' }
  return { proxy, waiting, origin, client, headers }
}

test('a proxy that stops says so, and the streams that are open end', async t => {
  const { proxy, waiting, origin, client, headers } = await setUp(t)
  const [busy, idle] = [await client(), await client()]
  const stream = busy.session.request(headers)
  const answer = answerOn(stream)
  await once(stream, 'response')
  const said = [busy, idle].map(({ session }) => once(session, 'goaway'))
  const stopped = proxy.server.stop(GRACE)
  const [[code, last], [idleCode]] = (await Promise.all(said)) as [[number, number], [number]]
  t.strictSame([code, idleCode], [0, 0], 'NO_ERROR')
  t.equal(last, stream.id, 'the last stream that is served')
  await idle.closed
  t.equal(busy.session.destroyed, false, 'an idle connection ends, and a busy one does not')
  for (const answer of waiting) answer()
  const { status, body, code: closed } = await answer
  t.strictSame([status, String(body), closed], [200, 'first last', 0])
  await busy.closed
  await stopped
  t.equal(origin.requests.length, 1)
})

test('a stop serves the first request of a client that has only just connected', async t => {
  const { proxy, waiting, client, headers } = await setUp(t)
  const { session, closed } = await client()
  const stopped = proxy.server.stop(GRACE)
  const said = once(session, 'goaway')
  const stream = session.request(headers)
  const answer = answerOn(stream)
  await once(stream, 'response')
  const [code, last] = await said
  t.strictSame([code, last], [0, stream.id])
  for (const answer of waiting) answer()
  t.equal(String((await answer).body), 'first last')
  await closed
  await stopped
})

test('a proxy that drains serves one request of each new client', async t => {
  const { proxy, waiting, client, headers } = await setUp(t)
  proxy.server.drain(true)
  const { session, closed } = await client()
  const said = once(session, 'goaway')
  const stream = session.request(headers)
  const answer = answerOn(stream)
  await once(stream, 'response')
  for (const answer of waiting) answer()
  t.equal(String((await answer).body), 'first last')
  const [code, last] = await said
  t.strictSame([code, last], [0, stream.id])
  await closed
})

test('streams that are open when the grace is over are cut, and look complete to no client', async t => {
  const { proxy, client, headers } = await setUp(t)
  const { session } = await client()
  const stream = session.request(headers)
  let hasEnded = false
  stream
    .on('error', () => {})
    .on('end', () => {
      hasEnded = stream.rstCode === 0 && !stream.aborted
    })
  await once(stream, 'response')
  const closed = once(stream, 'close').catch(() => {})
  stream.resume()
  await proxy.server.stop(50)
  await closed
  t.equal(hasEnded, false)
})
