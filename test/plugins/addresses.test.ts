import { test } from 'tap'
import { AddressSet } from '../../core/config/address-range.js'
import { readAddresses } from '../../plugins/hosts/addresses.js'

const ADDRESSES = [
  '10.1.2.3',
  '::ffff:10.1.2.3',
  '192.0.2.7',
  '2001:db8::1',
  '::1',
  '255.255.255.255',
  'no address',
]
const CASES: readonly (readonly [text: string, found: readonly string[]])[] = [
  ['::/0', ['2001:db8::1', '::1']],
  ['::/8', ['::1']],
  ['::-::ffff:ffff:ffff', ['::1']],
  ['::ffff:0:0/95', []],
  ['::ffff:10.0.0.0/104', ['10.1.2.3', '::ffff:10.1.2.3']],
  ['::ffff:10.1.2.3', ['10.1.2.3', '::ffff:10.1.2.3']],
  ['::ffff:10.0.0.0-::ffff:10.9.9.9', ['10.1.2.3', '::ffff:10.1.2.3']],
  ['10.0.0.0/8', ['10.1.2.3', '::ffff:10.1.2.3']],
  ['192.0.2.1 - 192.0.2.9', ['192.0.2.7']],
  ['0.0.0.0/0', ['10.1.2.3', '::ffff:10.1.2.3', '192.0.2.7', '255.255.255.255']],
]

test('addresses of plugins mean what they mean in ip_allow.yaml', async t => {
  for (const [text, found] of CASES) {
    const ofCore = new AddressSet()
    t.ok(ofCore.add(text), text)
    t.strictSame(ADDRESSES.filter(readAddresses([text])), found, text)
    t.strictSame(
      ADDRESSES.filter(address => ofCore.has(address)),
      found,
      `${text} in ip_allow.yaml`,
    )
  }
})

test('what is no address, no network and no range', async t => {
  const bad = [
    '',
    'a',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.9-10.0.0.1',
    '10.0.0.1-::1',
    '10.0.0.1-2-3',
    'fe80::1%lo',
  ]
  for (const text of [...bad, '10.0.0.0/', '10.0.0.0/8/8']) {
    t.throws(() => readAddresses(['10.0.0.1', text]), { message: /is no address, no network/ }, text)
    t.notOk(new AddressSet().add(text), text)
  }
})
