import { test } from 'tap'
import { RecordCount } from '../../../../core/tls/openssl/record-count.js'

const record = (length: number): Buffer => {
  const bytes = Buffer.alloc(5 + length, 255) // no body is taken for a header
  bytes.writeUInt16BE(length, 3)
  return bytes
}

test('records are counted in whatever pieces they come', async t => {
  const all = Buffer.concat([0, 1, 22, 300, 16_640].flatMap(length => Array(205).fill(record(length))))
  for (const size of [1, 2, 7, 1000, all.length]) {
    const count = new RecordCount()
    for (let at = 0; at < all.length; at += size) count.heard(all.subarray(at, at + size))
    t.ok(count.isFlood, `1025 in pieces of ${size}`)
    count.hadData()
    t.notOk(count.isFlood, 'one had data')
    count.heard(record(22))
    t.notOk(count.isFlood, 'and allows for another')
    count.heard(record(22))
    t.ok(count.isFlood)
  }
})

test('data does not run out of records', async t => {
  const count = new RecordCount()
  for (let i = 0; i < 5000; i++) {
    count.heard(record(30))
    count.heard(record(22))
    count.hadData()
  }
  t.notOk(count.isFlood)
})
