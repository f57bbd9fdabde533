/** A request on an idle connection that the origin has just closed. */
import { type Test, test } from 'tap'
import { rawClient } from '../../../kit/client.js'
import { type RawScript, rawOrigin } from '../../../kit/raw-origin.js'
import { ask, startListener } from '../../../kit/running-listener.js'

async function raw(t: Test, script: RawScript) {
  const running = await rawOrigin(script)
  t.teardown(running.stop)
  return { ...running, url: `http://127.0.0.1:${running.port}` }
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** Answers one request on each connection, and breaks off at the next. */
const resetAtSecond: RawScript = async connection => {
  await connection.until(() => connection.text().includes('\r\n\r\n') || undefined, 'a request')
  const size = connection.bytes().length
  connection.send(OK)
  const goesOn = (): boolean => connection.bytes().length > size || connection.endedAt !== undefined
  await connection.until(() => goesOn() || undefined, 'another request, or the end')
  connection.reset()
}

test('an idempotent request on a stale connection is sent again, once', async t => {
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']) {
    const running = await raw(t, resetAtSecond)
    const { port } = await startListener(t)
    t.equal((await ask(port, `${running.url}/`)).status, 200)
    t.equal((await ask(port, `${running.url}/`, { method })).status, 200, method)
    t.equal(running.connections.length, 2)
  }
})

test('requests that must not be repeated are not repeated', async t => {
  for (const [method, body] of [
    ['POST', undefined],
    ['PATCH', undefined],
    ['LOCK', undefined],
    ['PUT', 'body'],
  ] as const) {
    const running = await raw(t, resetAtSecond)
    const { port } = await startListener(t)
    t.equal((await ask(port, `${running.url}/`)).status, 200)
    const again = await ask(port, `${running.url}/`, body === undefined ? { method } : { method, body })
    t.equal(again.status, 502, method)
    t.equal(running.connections.length, 1)
  }
})

test('a request on a new connection is not repeated', async t => {
  const running = await raw(t, async connection => {
    await connection.untilBytes(1)
    connection.reset()
  })
  const { port } = await startListener(t)
  t.equal((await ask(port, `${running.url}/`)).status, 502)
  t.equal(running.connections.length, 1)
})

test('a request that must not be repeated is not sent on a connection whose end has come', async t => {
  for (const [method, body] of [
    ['POST', 'body'],
    ['PATCH', ''],
    ['PUT', 'body'],
  ] as const) {
    const running = await raw(t, async connection => {
      for (let count = 1; ; count++) {
        const isAsked = (): boolean => connection.text().split('\r\n\r\n').length > count
        await connection.until(() => isAsked() || connection.endedAt, 'a request, or the end')
        if (!isAsked()) return
        connection.send(OK)
      }
    })
    const { port } = await startListener(t)
    const request = `${method} ${running.url}/ HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`
    for (let round = 1; round <= 10; round++) {
      const client = await rawClient(port)
      t.teardown(client.stop)
      client.send(`GET ${running.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`)
      t.equal((await client.response()).status, 200)
      const connection = await running.connection(running.connections.length - 1)
      const before = connection.bytes().length
      // Both wait for the proxy when it looks next: the request first.
      client.send(request + body)
      connection.end()
      t.equal((await client.response()).status, 200, `${method}, round ${round}`)
      t.equal(connection.bytes().length, before, 'nothing of it was sent there')
      t.match((await running.connection(running.connections.length - 1)).text(), method)
      client.stop()
    }
  }
})
