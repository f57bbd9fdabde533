import { test } from 'tap'
import { checkSocketPath } from '../../../core/config/admin-socket.js'

test('a path of 108 bytes is refused as the path of a socket', async t => {
  const check = (path: string): string => checkSocketPath({ path, by: 'r:1: proxy.config.admin.socket' })
  const longest = `/${'x'.repeat(106)}`
  t.equal(check(longest), longest)
  const error = {
    code: 'PTC_ADMIN_SOCKET',
    message: /^r:1: proxy\.config\.admin\.socket: .*108 bytes, of 107/,
  }
  t.throws(() => check(`${longest}x`), error)
  t.throws(() => check(`/${'ü'.repeat(53)}x`), error, 'bytes are counted, not letters')
})
