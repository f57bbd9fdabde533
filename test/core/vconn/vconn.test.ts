import { test } from 'tap'
import { ProxyVConn } from '../../../core/vconn/vconn.js'

const ENDS = { remoteAddress: '192.0.2.1:443', localAddress: '[::1]:50000' }
const args = (vconn: ProxyVConn): Record<string, unknown> => vconn.shown.args as Record<string, unknown>

test('a VConn', async t => {
  t.test('has an id that ascends, and the addresses of its ends', async t => {
    const first = new ProxyVConn('inbound', ENDS, () => undefined)
    const second = new ProxyVConn('outbound', ENDS, () => undefined)
    t.ok(second.shown.id > first.shown.id)
    t.match(second.shown, { direction: 'outbound', ...ENDS })
  })

  t.test('runs its close listener exactly once, however often and from wherever it is closed', async t => {
    let closed = 0
    const vconn: ProxyVConn = new ProxyVConn('outbound', ENDS, ended => {
      t.equal(ended, vconn.shown)
      t.equal(vconn.isClosed, true)
      vconn.close()
      closed++
      return undefined
    })
    t.equal(vconn.isClosed, false)
    vconn.close()
    vconn.close()
    t.equal(closed, 1)
  })

  t.test('keeps its args until the listener has run, then empties them', async t => {
    let seen: unknown
    const vconn = new ProxyVConn('inbound', ENDS, ended => {
      seen = { ...ended.args }
      return undefined
    })
    args(vconn)['first_seen'] = { at: 1 }
    vconn.close()
    t.strictSame(seen, { first_seen: { at: 1 } })
    t.strictSame(Object.keys(vconn.shown.args), [])
  })

  t.test('keeps its args for a listener that needs longer', async t => {
    let finish = (): void => {}
    const vconn = new ProxyVConn('inbound', ENDS, () => new Promise<void>(resolve => (finish = resolve)))
    args(vconn)['a'] = 1
    vconn.close()
    await Promise.resolve()
    t.strictSame(Object.keys(vconn.shown.args), ['a'])
    finish()
    await new Promise(setImmediate)
    t.strictSame(Object.keys(vconn.shown.args), [])
  })

  t.test('empties its args even if the listener throws or rejects', async t => {
    const thrower = new ProxyVConn('inbound', ENDS, () => {
      throw new Error('listener')
    })
    args(thrower)['a'] = 1
    t.throws(() => thrower.close(), { message: 'listener' })
    t.strictSame(Object.keys(thrower.shown.args), [])

    const rejecter = new ProxyVConn('inbound', ENDS, () => Promise.reject(new Error('listener')))
    args(rejecter)['a'] = 1
    rejecter.close()
    await new Promise(setImmediate)
    t.strictSame(Object.keys(rejecter.shown.args), [])
  })

  t.test('has args without a prototype, so that no plugin name is taken', async t => {
    const vconn = new ProxyVConn('inbound', ENDS, () => undefined)
    t.equal(args(vconn)['constructor'], undefined)
    t.equal(Object.getPrototypeOf(vconn.shown.args), null)
  })
})
