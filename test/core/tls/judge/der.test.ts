import fc from 'fast-check'
import { test } from 'tap'
import { ProxyError } from '../../../../core/base/errors.js'
import { derElement, derElements } from '../../../../core/tls/judge/der.js'
import { der } from '../../../kit/der.js'

const MALFORMED = { code: 'PTC_HANDSHAKE_FAILED' }

/** What a reader makes of bytes; anything but elements and the error of the table fails the test. */
function read(bytes: Buffer): ReturnType<typeof derElements> | 'malformed' {
  try {
    return derElements(bytes)
  } catch (error) {
    if (error instanceof ProxyError && error.code === 'PTC_HANDSHAKE_FAILED') return 'malformed'
    throw error
  }
}

const tag = fc.integer({ min: 0, max: 0xff }).filter(n => (n & 0x1f) !== 0x1f)
const content = fc.oneof(
  fc.uint8Array({ maxLength: 0x82 }),
  fc.uint8Array({ minLength: 0x7e, maxLength: 0x102 }),
  fc.integer({ min: 0xfffe, max: 0x10001 }).map(length => new Uint8Array(length)),
)

test('DER that was written is read back', async t => {
  fc.assert(
    fc.property(fc.array(fc.tuple(tag, content), { maxLength: 5 }), wanted => {
      const elements = derElements(Buffer.concat(wanted.map(([tag, bytes]) => der(tag, bytes))))
      return (
        elements.length === wanted.length &&
        elements.every(({ tag, content, bytes }, i) => {
          const [wantedTag, wantedContent = new Uint8Array()] = wanted[i] ?? []
          return tag === wantedTag && content.equals(wantedContent) && bytes.equals(der(tag, wantedContent))
        })
      )
    }),
  )
  t.same(derElements(Buffer.alloc(0)), [], 'nothing is no elements')
})

test('any bytes are read as elements or refused with an error of the table', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), garbage => {
      const elements = read(Buffer.from(garbage))
      // To the last byte: what was read is all there was.
      return elements === 'malformed' || Buffer.concat(elements.map(({ bytes }) => bytes)).equals(garbage)
    }),
    { numRuns: 2000 },
  )
})

test('truncated DER is refused', async () => {
  fc.assert(
    fc.property(tag, content, fc.nat(), (tag, bytes, cut) => {
      const whole = der(tag, bytes)
      return read(whole.subarray(0, 1 + (cut % (whole.length - 1)))) === 'malformed'
    }),
  )
})

test('DER forms that X.509 does not use are refused', async t => {
  for (const [what, bytes] of [
    ['a tag of several bytes', [0x1f, 0x81, 0x01, 0x00]],
    ['an indefinite length', [0x30, 0x80, 0x00, 0x00]],
    ['a length of five bytes', [0x30, 0x85, 0, 0, 0, 0, 1, 0]],
    ['a length of 127 bytes', [0x30, 0xff]],
    ['more than there is', [0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0]],
    ['a tag without a length', [0x30]],
  ] as const)
    t.throws(() => derElements(Buffer.from(bytes)), MALFORMED, what)
})

test('one DER element is read, and bytes behind it are refused', async t => {
  t.match(derElement(Buffer.from([4, 1, 7])), { tag: 4, content: Buffer.from([7]) })
  t.throws(() => derElement(Buffer.alloc(0)), MALFORMED)
  t.throws(() => derElement(Buffer.from([5, 0, 5, 0])), MALFORMED)
})
