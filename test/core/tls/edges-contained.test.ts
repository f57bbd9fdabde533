/** A failure at the edges costs one connection: that of the handshake, or that of the receiver of a link. */
import { connect } from 'node:net'
import { test } from 'tap'
import type { ProxyError } from '../../../core/base/errors.js'
import { TcpLink } from '../../../core/vconn/tcp-link.js'
import { type Ask, Handshaker, liveHandshakes } from '../../kit/handshakes.js'
import { opensslOrigin } from '../../kit/openssl-origin.js'
import { makeAuthority } from '../../kit/pki.js'
import { listen } from '../../kit/tcp-server.js'

test('a defect within the steps of a handshake ends that handshake, and frees all of it', async t => {
  const root = await makeAuthority({ name: 'Root' })
  const origin = await opensslOrigin(await root.issue({ cn: 'foo.test' }))
  t.teardown(origin.stop)
  const before = liveHandshakes()
  let isBroken = true
  const ask: Ask = ({ reenable }) => {
    if (isBroken) throw Object.create(null)
    reenable()
  }
  const handshaker = new Handshaker(root.certPem, [ask])
  const failed = await handshaker.start(origin.port, 'foo.test').catch(error => error)
  t.match(failed, {
    code: 'PTC_INTERNAL',
    message: /handshake with an origin failed: an object without a message/,
  })
  t.same([...handshaker.closed.values()], [1], 'its close hook ran once')
  isBroken = false
  const { link } = await handshaker.start(origin.port, 'foo.test')
  link.destroy()
  handshaker.stop()
  t.equal(liveHandshakes(), before)
})

test('what the user of a link throws closes that link, with the reason', async t => {
  const server = await listen(socket => {
    socket.on('error', () => {})
    socket.write('x')
    setTimeout(() => socket.end(), 50)
  })
  t.teardown(server.stop)
  for (const where of ['onData', 'onEnd'] as const) {
    const why = await new Promise<ProxyError | undefined>(resolve => {
      const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
      const fail = (): never => {
        throw Object.create(null)
      }
      new TcpLink(socket, 'origin').attach({
        onData: where === 'onData' ? fail : () => {},
        onEnd: where === 'onEnd' ? fail : () => {},
        onDrain: () => {},
        onClose: resolve,
      })
    })
    t.match(why, { code: 'PTC_INTERNAL', message: /an object without a message/ }, where)
  }
})
