import fc from 'fast-check'
import { test } from 'tap'
import { HandshakeMessages } from '../../../../core/tls/sniff/record-layer.js'
import { message } from '../../../kit/client-hellos.js'

test('handshake messages come out as they went in, however they are cut', async () => {
  const messages = fc.array(fc.tuple(fc.nat({ max: 255 }), fc.uint8Array({ maxLength: 300 })), {
    maxLength: 8,
  })
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, cuts) => {
      const bytes = Buffer.concat(sent.map(([type, body]) => message(type, Buffer.from(body))))
      const reader = new HandshakeMessages()
      const got: [number, string][] = []
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const piece = Buffer.from(bytes.subarray(at, at + (cuts[i % cuts.length] ?? 1)))
        at += piece.length
        reader.add(piece)
        piece.fill(0) // the memory of a record is used again
        for (let next = reader.take(); next !== undefined; next = reader.take())
          got.push([next.type, next.body.toString('hex')])
      }
      const want = sent.map(([type, body]) => [type, Buffer.from(body).toString('hex')])
      return JSON.stringify(got) === JSON.stringify(want) && reader.length === 0
    }),
  )
})

/** Microseconds of processor time for a message that comes in records of one byte. */
function cost(length: number): number {
  const bytes = message(11, Buffer.alloc(length))
  const times = Array.from({ length: 5 }, () => {
    const began = process.cpuUsage()
    const reader = new HandshakeMessages()
    for (let at = 0; at < bytes.length; at++) {
      reader.add(bytes.subarray(at, at + 1))
      reader.take()
    }
    const { user, system } = process.cpuUsage(began)
    return user + system
  })
  return Math.min(...times)
}

test('records of one byte cost time by their number, not by its square', async t => {
  cost(20_000) // compiled
  const [small, large] = [cost(50_000), cost(400_000)]
  t.ok(large < 24 * small + 20_000, `8 times the records, ${(large / small).toFixed(1)} times the cost`)
})
