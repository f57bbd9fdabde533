import { test } from 'tap'
import { AddressSet } from '../../../core/config/address-range.js'

const ADDRESSES = [
  '10.0.0.5',
  '::ffff:10.0.0.5',
  '::ffff:a00:5',
  '0:0:0:0:0:ffff:a00:5',
  '11.0.0.1',
  '2001:db8::1',
  'fe80::1%eth0',
  '::1',
  '',
  'nonsense',
]
const OF_V4 = ADDRESSES.slice(0, 5)
const TEN = ADDRESSES.slice(0, 4)
const OF_V6 = ['2001:db8::1', 'fe80::1%eth0', '::1']

const CASES: readonly [text: string, has: readonly string[]][] = [
  ['0/0', OF_V4],
  ['0.0.0.0/0', OF_V4],
  ['0.0.0.0-255.255.255.255', OF_V4],
  ['10.0.0.0/8', TEN],
  ['10.0.0.77/8', TEN],
  ['10.0.0.1 - 10.0.0.9', TEN],
  ['10.0.0.5', TEN],
  ['::ffff:10.0.0.5', TEN],
  ['::ffff:a00:5', TEN],
  ['::ffff:10.0.0.0/104', TEN],
  ['::ffff:10.0.0.1-::ffff:10.0.0.9', TEN],
  ['::ffff:0:0/96', OF_V4],
  ['::/0', OF_V6],
  ['::/8', ['::1']],
  ['::/80', ['::1']],
  ['::ffff:0:0/95', []],
  ['::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', OF_V6],
  ['2001:db8::/32', ['2001:db8::1']],
  ['fe80::/10', ['fe80::1%eth0']],
  ['::1', ['::1']],
]

for (const [text, has] of CASES)
  test(`the addresses of ${text}`, async t => {
    const set = new AddressSet()
    t.ok(set.add(text))
    t.strictSame(
      ADDRESSES.filter(address => set.has(address)),
      has,
    )
  })

test('what is no address, no network and no range has no address', async t => {
  const set = new AddressSet()
  for (const text of [
    '',
    'all',
    '10.0.0.0/33',
    '::/129',
    '::9-::1',
    '::1-10.0.0.1',
    '10.0.0.1-',
    '1/8/9',
    '-',
  ])
    t.notOk(set.add(text), text)
  for (const address of ADDRESSES) t.notOk(set.has(address), address)
})
