import { test } from 'tap'
import { readNameservers } from '../../../core/config/record-lists.js'

test('a list of name servers', async t => {
  t.strictSame(readNameservers('192.0.2.1, 192.0.2.2:5353\t[2001:db8::1]:54 2001:db8::2,[::1]'), {
    servers: ['192.0.2.1:53', '192.0.2.2:5353', '[2001:db8::1]:54', '[2001:db8::2]', '[::1]:53'],
    wrong: [],
  })
  for (const text of [
    'ns.example',
    '192.0.2.1:0',
    '192.0.2.1:65536',
    '[192.0.2.1]:53',
    '192.0.2.1:x',
    'fe80::1%eth0',
    '[fe80::1%eth0]:53',
    '300.0.0.1',
    '[::1',
    ' , ',
  ])
    t.match(readNameservers(text), { servers: [], wrong: [/write addresses such as/] }, text)
})
