import { test } from 'tap'
import type { VConn } from '../../../core/api/vconn.js'
import { ConnectionOwner } from '../../../core/origin/connection-login.js'
import { Http2Session } from '../../../core/origin/http2-session.js'
import { Http2Sessions } from '../../../core/origin/http2-sessions.js'
import type { TlsOrigin } from '../../../core/tls/outbound/start-tls.js'
import { FakeLink } from '../../kit/fake-link.js'
import { HTTP2_LIMITS } from '../../kit/http2-client.js'

const OPTIONS = { ...HTTP2_LIMITS, maxHeadBytes: 16_384, hasPrivateLogins: true }

const sessionsOf = () => new Http2Sessions(() => ({ maxIdle: 10, maxIdlePerKey: 10, idleTimeout: 1000 }))

function sessionOn(link: FakeLink, keeper: Http2Sessions, owner?: ConnectionOwner): Http2Session {
  const channel = { link, peer: {}, vconn: {} as VConn, protocol: 'h2' } as unknown as TlsOrigin
  return new Http2Session(channel, () => OPTIONS, keeper, owner)
}

test('a connection that has ended before it is kept is not kept', async t => {
  const keeper = sessionsOf()
  const owner = new ConnectionOwner(() => {})
  const alive = sessionOn(new FakeLink(), keeper, owner)
  keeper.add('a', alive)
  t.equal(keeper.size, 1)
  owner.end()
  t.equal(keeper.size, 0)
  const late = sessionOn(new FakeLink(), keeper, owner)
  keeper.add('a', late)
  t.equal(keeper.size, 0, 'its client has left')
  t.equal(keeper.find('a', owner), undefined)
  const closed = sessionOn(new FakeLink(), keeper)
  closed.close()
  keeper.add('a', closed)
  t.equal(keeper.size, 0)
})
