/** What plugins belong to is kept for as long as a transaction may ask them again, however it ends, and no longer. */
import { createServer } from 'node:http'
import { type Test, test } from 'tap'
import { reject } from '../../../core/api/verdict.js'
import { rawClient } from '../../kit/client.js'
import { hooksOf, pointOf } from '../../kit/quiet-points.js'
import { ask, listen, startListener } from '../../kit/running-listener.js'
import { poll } from '../../kit/watch.js'
import { echoFrames, WEB_SOCKET_KEY } from '../../kit/web-socket.js'

/** A listener that counts, with a plugin that lets pass whatever is not `/refused`. */
async function start(t: Test) {
  const entered: string[] = []
  let left = 0
  const server = createServer((req, res) => {
    if (req.url !== '/silent') res.end('ok')
  })
  server.on('upgrade', echoFrames)
  const authority = `127.0.0.1:${await listen(t, server)}`
  const readRequest = pointOf(({ url, reenable }) => {
    if (url.endsWith('/refused')) reenable(reject('policy', 'no'))
    else setImmediate(reenable)
  })
  const enter = () => {
    entered.push('one')
    return () => {
      left += 1
    }
  }
  const { port } = await startListener(t, { forwarder: { hooks: hooksOf({ readRequest, enter }) } })
  return { port, authority, counts: () => ({ entered: entered.length, left }) }
}

test('a transaction is answered, refused, or fails without an origin', async t => {
  const { port, authority, counts } = await start(t)
  t.equal((await ask(port, `http://${authority}/`)).status, 200)
  t.same(counts(), { entered: 1, left: 1 })
  t.equal((await ask(port, `http://${authority}/refused`)).status, 403)
  t.same(counts(), { entered: 2, left: 2 })
  t.equal((await ask(port, 'http://127.0.0.1:1/')).status, 502)
  t.same(counts(), { entered: 3, left: 3 })
})

test('a transaction ends when its client leaves', async t => {
  const { port, authority, counts } = await start(t)
  const client = await rawClient(port)
  client.send(`GET http://${authority}/silent HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
  await poll(() => counts().entered === 1, 'the request')
  t.equal(counts().left, 0, 'the origin takes its time')
  client.stop()
  await poll(() => counts().left === 1, 'its end')
  t.pass()
})

test('another protocol is no transaction', async t => {
  const { port, authority, counts } = await start(t)
  const client = await rawClient(port)
  t.teardown(client.stop)
  const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${WEB_SOCKET_KEY}`
  client.send(`GET http://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\n${fields}\r\n\r\n`)
  await poll(() => counts().left === 1, 'the switch')
  t.notOk(client.isEnded)
})
