import { test } from 'tap'
import { adminSocket, checkAdminSocket } from '../../../core/config/admin-socket.js'
import { parseRecords } from '../../../core/config/records.js'

const records = (value?: string) =>
  parseRecords(
    value === undefined ? '' : `CONFIG proxy.config.admin.socket STRING ${value}`,
    'records.config',
  )

test('where the management socket is', async t => {
  t.equal(adminSocket(records(), '/etc/portcullis'), '/etc/portcullis/portcullis.sock')
  t.equal(adminSocket(records('/run/p.sock'), '/etc/portcullis'), '/run/p.sock')
  t.equal(adminSocket(records('NULL'), '/etc/portcullis'), undefined)
  t.throws(() => records(''), { code: 'PTC_RECORDS_INVALID', message: /has no value/ })
})

test('a path that no socket can have', async t => {
  const longest = `/${'x'.repeat(106)}`
  t.equal(adminSocket(records(longest), '/etc'), longest)
  const error = { code: 'PTC_ADMIN_SOCKET', message: /108 bytes, of 107/ }
  t.throws(() => adminSocket(records(`${longest}x`), '/etc'), error)
  t.throws(() => adminSocket(records(`/${'ü'.repeat(53)}x`), '/etc'), error, 'bytes are counted, not letters')
  t.throws(() => checkAdminSocket(records(`${longest}x`), '/etc'), error)
  t.doesNotThrow(() => checkAdminSocket(records(), longest), 'the default keeps no proxy from its work')
})
