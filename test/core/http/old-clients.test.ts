/** Clients that speak HTTP/1.0. */
import { createServer } from 'node:http'
import { type Test, test } from 'tap'
import { type RawClient, rawClient } from '../../kit/client.js'
import { type RawScript, rawOrigin } from '../../kit/raw-origin.js'
import { listen, startListener } from '../../kit/running-listener.js'

async function raw(t: Test, script: RawScript): Promise<string> {
  const running = await rawOrigin(script)
  t.teardown(running.stop)
  return `http://127.0.0.1:${running.port}`
}

async function clientOf(t: Test, port: number): Promise<RawClient> {
  const client = await rawClient(port)
  t.teardown(client.stop)
  return client
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

test('an expectation in HTTP/1.0 is ignored', async t => {
  const url = await raw(t, async connection => {
    await connection.until(() => connection.text().endsWith('hello') || undefined, 'the body')
    connection.send(/expect/i.test(connection.text()) ? 'no' : OK)
  })
  const { port } = await startListener(t)
  const client = await clientOf(t, port)
  client.send(`POST ${url}/ HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello`)
  t.equal((await client.response()).status, 200)
})

test('the connection of an HTTP/1.0 client ends with the response, whatever it asks for', async t => {
  const server = createServer((req, res) => res.end(req.headers.connection === undefined ? 'ok' : 'no'))
  const url = `http://127.0.0.1:${await listen(t, server)}`
  const { port } = await startListener(t)
  for (const fields of ['', 'Connection: keep-alive\r\n', 'Proxy-Connection: keep-alive\r\n']) {
    const client = await clientOf(t, port)
    client.send(`GET ${url}/ HTTP/1.0\r\n${fields}\r\n`)
    const answer = await client.response()
    t.equal(answer.body.toString(), 'ok')
    t.equal(answer.header('connection'), 'close', JSON.stringify(fields))
    await client.ended()
  }
})

test('a chunked response reaches an HTTP/1.0 client without chunks', async t => {
  const server = createServer((_, res) => {
    res.write('one ')
    res.end('two')
  })
  const url = `http://127.0.0.1:${await listen(t, server)}`
  const { port } = await startListener(t)
  const client = await clientOf(t, port)
  client.send(`GET ${url}/ HTTP/1.0\r\n\r\n`)
  await client.ended()
  t.match(client.text(), /\r\n\r\none two$/)
  t.notMatch(client.text(), /transfer-encoding/i)
})

test('a body without length that is cut off ends in a reset, whichever side cuts it', async t => {
  const url = await raw(t, async connection => {
    await connection.until(() => connection.text().includes('\r\n\r\n') || undefined, 'a request')
    connection.send('HTTP/1.1 200 OK\r\n\r\npart')
  })
  for (const who of ['the port is closed', 'the client ends its direction'] as const) {
    const { listener, port } = await startListener(t)
    const client = await clientOf(t, port)
    const broken: string[] = []
    client.socket.on('error', error => broken.push('code' in error ? String(error.code) : ''))
    client.send(`GET ${url}/ HTTP/1.0\r\n\r\n`)
    await client.until(() => client.text().endsWith('part') || undefined, 'the first part')
    if (who === 'the port is closed') await listener.close(20)
    else client.end()
    await client.ended()
    t.same(broken, ['ECONNRESET'], who)
  }
})
