/** Ambiguous framing is refused, never repaired: the corpus of test/fixtures/smuggling, both ways. */
import { type Test, test } from 'tap'
import { ODD_REQUESTS, SMUGGLED, SMUGGLING_REQUESTS } from '../../fixtures/smuggling/requests.js'
import { SMUGGLING_RESPONSES } from '../../fixtures/smuggling/responses.js'
import { rawClient } from '../../kit/client.js'
import { parseResponse } from '../../kit/http-response.js'
import { nodeOrigin } from '../../kit/node-origin.js'
import { type RawOrigin, rawOrigin } from '../../kit/raw-origin.js'
import { ask, type RunningListener, startListener } from '../../kit/running-listener.js'

const REPLY = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** An origin that answers the first request on each connection, and records all that comes. */
async function recordingOrigin(t: Test, answer = REPLY): Promise<RawOrigin> {
  const origin = await rawOrigin(async connection => {
    await connection.until(() => connection.text().includes('\r\n\r\n') || undefined, 'a request')
    connection.send(Buffer.from(answer, 'latin1'))
  })
  t.teardown(origin.stop)
  return origin
}

/** Puts a connection into the pool: what goes out over one that is open already goes out at once. */
async function warmUp({ port, connector }: RunningListener, origin: RawOrigin): Promise<number> {
  await ask(port, `http://127.0.0.1:${origin.port}/`)
  if (connector.idleConnections !== 1) throw new Error('no idle connection')
  return (await origin.connection(0)).bytes().length
}

const received = (origin: RawOrigin): string => origin.connections.map(c => c.text()).join('')

/** Everything that the client is sent until its connection ends. */
async function exchange(port: number, bytes: string): Promise<string> {
  const client = await rawClient(port)
  try {
    client.send(Buffer.from(bytes, 'latin1'))
    await client.ended(3000)
    return client.text()
  } finally {
    client.stop()
  }
}

test('ambiguous requests are refused, and nothing of them reaches the origin', async t => {
  const listener = await startListener(t)
  for (const { name, bytes, status, isInBody } of SMUGGLING_REQUESTS) {
    if (isInBody === true) continue
    const origin = await recordingOrigin(t)
    const before = await warmUp(listener, origin)
    const authority = `127.0.0.1:${origin.port}`
    const text = await exchange(listener.port, (bytes + SMUGGLED).replaceAll('ORIGIN', authority))
    const answer = parseResponse(Buffer.from(text, 'latin1'), 'GET', true)
    t.ok([status].flat().includes(answer?.status ?? 0), `${name}: ${answer?.status}`)
    t.equal(answer?.header('connection'), 'close')
    t.equal(answer?.size, text.length, 'one answer, and then the end')
    t.equal(received(origin).slice(before), '', `${name}: not a byte of it has gone out`)
    await origin.stop()
  }
})

test('requests whose body turns out malformed are refused, and never reach the origin whole', async t => {
  const listener = await startListener(t)
  for (const { name, bytes, isInBody } of SMUGGLING_REQUESTS) {
    if (isInBody !== true) continue
    for (const isSplit of [false, true]) {
      const origin = await recordingOrigin(t)
      const before = await warmUp(listener, origin)
      const authority = `127.0.0.1:${origin.port}`
      const all = (bytes + SMUGGLED).replaceAll('ORIGIN', authority)
      const at = isSplit ? all.indexOf('\r\n\r\n') + 4 : all.length
      const client = await rawClient(listener.port)
      client.send(Buffer.from(all.slice(0, at), 'latin1'))
      const [pooled] = origin.connections
      if (isSplit) await pooled?.untilBytes(before + 1)
      client.send(Buffer.from(all.slice(at), 'latin1'))
      await client.ended(3000)
      const answer = parseResponse(client.pending(), 'GET', true)
      t.equal(answer?.status, 400, `${name}${isSplit ? ', behind its head' : ''}`)
      t.equal(answer?.size, client.text().length, 'one answer, and then the end')
      await pooled?.until(() => pooled.endedAt, 'the end of the connection')
      const sent = received(origin).slice(before)
      t.notMatch(sent, /SECRET/)
      t.notMatch(sent, /\r\n0\r\n/, 'the origin has not seen the end of it')
      t.equal(origin.connections.length, 1)
      client.stop()
      await origin.stop()
    }
  }
})

test('odd requests that mean one thing only arrive as that', async t => {
  const listener = await startListener(t)
  for (const [name, bytes, body] of ODD_REQUESTS) {
    const origin = await nodeOrigin()
    const authority = `127.0.0.1:${origin.port}`
    const client = await rawClient(listener.port)
    const odd = bytes.replaceAll('ORIGIN', authority)
    client.send(Buffer.from(odd + SMUGGLED.replaceAll('ORIGIN', authority), 'latin1'))
    t.equal((await client.response()).status, 200, name)
    t.equal((await client.response()).status, 200)
    t.match(origin.requests, [{ url: '/' }, { method: 'GET', url: '/SECRET' }])
    t.equal(origin.requests.length, 2, 'as one request, with the next one behind it')
    t.equal(origin.requests[0]?.body().toString(), body)
    t.equal(origin.requests[0]?.headers.host, authority)
    client.stop()
    await origin.stop()
  }
})

test('ambiguous responses become a page, and their connection is not used again', async t => {
  for (const { name, bytes, isInBody } of SMUGGLING_RESPONSES) {
    if (isInBody === true) continue
    const listener = await startListener(t)
    const origin = await recordingOrigin(t, bytes)
    const url = `http://127.0.0.1:${origin.port}/`
    const answer = await ask(listener.port, url)
    t.equal(answer.status, 502, name)
    t.match(answer.headers['proxy-status'], /error=http_protocol_error; details="PTC_RESPONSE_MALFORMED/)
    t.equal(listener.connector.idleConnections, 0)
    await origin.stop()
  }
})

test('responses whose body turns out malformed become a page, or are cut off behind their head', async t => {
  const listener = await startListener(t)
  for (const { name, bytes, isInBody } of SMUGGLING_RESPONSES) {
    if (isInBody !== true) continue
    for (const isSplit of [false, true]) {
      const head = bytes.indexOf('\r\n\r\n') + 4
      const origin = await recordingOrigin(t, isSplit ? bytes.slice(0, head) : bytes)
      const client = await rawClient(listener.port)
      client.send(`GET http://127.0.0.1:${origin.port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      if (isSplit) {
        await client.until(() => client.text().includes('\r\n\r\n') || undefined, 'the head')
        origin.connections[0]?.send(Buffer.from(bytes.slice(head), 'latin1'))
      }
      await client.ended(3000)
      const text = client.text()
      client.stop()
      const what = `${name}${isSplit ? ', behind its head' : ''}`
      t.match(text, isSplit ? /^HTTP\/1.1 200 / : /^HTTP\/1.1 502 /, what)
      if (isSplit) t.notMatch(text, /\r\n0\r\n/, `${what}: the client does not see the end of it`)
      else t.match(parseResponse(Buffer.from(text, 'latin1'), 'GET', true)?.size, text.length, 'a whole page')
      t.equal(listener.connector.idleConnections, 0)
      t.match(listener.done.at(-1), {
        error: { code: 'PTC_RESPONSE_MALFORMED' },
        status: isSplit ? 200 : 502,
      })
      await origin.stop()
    }
  }
})
