import { test } from 'tap'
import { FRAME, FrameReader } from '../../../core/http2/frames.js'
import { OriginSet } from '../../../core/http2/origin-set.js'

const ENTRY = 'https://a.example'

function frame(payload: Buffer, { type = FRAME.origin as number, flags = 0, stream = 0 } = {}): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

const entry = (text: string): Buffer => {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(text.length)
  return Buffer.concat([length, Buffer.from(text, 'latin1')])
}

/** The set of a connection that has received these bytes, cut into pieces of a size. */
function setOf(bytes: Buffer, size = bytes.length): OriginSet {
  const set = new OriginSet()
  const reader = new FrameReader(() => {}, 0, set.payloadOf)
  for (let at = 0; at < bytes.length; at += size) reader.take(bytes.subarray(at, at + size))
  return set
}

test('without an ORIGIN frame every origin is allowed, with one those that are named', async t => {
  t.ok(setOf(frame(Buffer.from('x'), { type: FRAME.ping })).allows(ENTRY))
  const two = Buffer.concat([
    frame(Buffer.concat([entry('HTTPS://A.example'), entry('https://c.example:8443')])),
    frame(Buffer.from('12345678'), { type: FRAME.ping }),
    frame(entry('https://d.example')),
  ])
  for (const size of [1, 2, 7, two.length]) {
    const set = setOf(two, size)
    const allowed = [ENTRY, 'https://c.example:8443', 'https://d.example', 'https://b.example'].map(one =>
      set.allows(one),
    )
    t.strictSame(allowed, [true, true, true, false], `in pieces of ${size}`)
  }
})

test('an empty ORIGIN frame allows nothing, and one that means nothing changes nothing', async t => {
  t.notOk(setOf(frame(Buffer.alloc(0))).allows(ENTRY))
  t.ok(setOf(frame(entry('https://b.example'), { flags: 1 })).allows(ENTRY), 'a reserved flag')
  t.ok(setOf(frame(entry('https://b.example'), { stream: 1 })).allows(ENTRY), 'on a stream')
})

test('an entry that is cut off is none, and frames beyond a limit name none', async t => {
  const cut = entry(ENTRY).subarray(0, -1)
  t.notOk(setOf(frame(cut)).allows(ENTRY))
  t.notOk(setOf(frame(Buffer.from([0]))).allows(ENTRY))
  const many = Array.from({ length: 500 }, (_, i) => entry(`https://${i}.many.example`))
  const long = frame(Buffer.concat(many))
  const set = setOf(Buffer.concat([long, long, frame(entry(ENTRY))]))
  t.ok(set.allows('https://7.many.example'))
  t.notOk(set.allows(ENTRY))
})
