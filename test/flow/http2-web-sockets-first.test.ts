/** A WebSocket for an origin that speaks HTTP/2 alone, to which no connection is open. */
import { connect } from 'node:net'
import { test } from 'tap'
import { HOST, start } from '../kit/http2-bumping.js'
import { accepting, exchangesFrames, headOn, upgrade, webSocketOrigin } from '../kit/web-socket-streams.js'

test('an origin that speaks HTTP/2 alone is asked on a stream, with no connection open before', async t => {
  const origin = await webSocketOrigin(t, accepting, { allowHTTP1: false })
  const stage = await start(t)
  for (let i = 1; i <= 2; i++) {
    const socket = connect(stage.proxy.port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    socket.write(upgrade(origin.port).replace('/chat', `https://${HOST}:${origin.port}/chat`))
    const { head, rest } = await headOn(socket)
    t.match(head, /^HTTP\/1\.1 101 /)
    await exchangesFrames(t, socket, rest)
    t.equal(origin.connects.length, i)
  }
  t.strictSame([origin.connections.length, stage.gate.asked.length], [1, 1], 'judged once, and used again')

  const settings = { enableConnectProtocol: false }
  const other = await webSocketOrigin(t, accepting, { settings, allowHTTP1: false })
  const socket = connect(stage.proxy.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(upgrade(other.port).replace('/chat', `https://${HOST}:${other.port}/chat`))
  t.match((await headOn(socket)).head, /^HTTP\/1\.1 502 .*PTC_HANDSHAKE_ALERT: .* alert 120/s)
  t.strictSame([other.connects.length, other.connections.length], [0, 1], 'its settings were looked at')
})
