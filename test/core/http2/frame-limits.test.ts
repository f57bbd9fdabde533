/** Limits of the frames of one end that carry nothing. */
import { test } from 'tap'
import { FrameLimits, type FrameRates } from '../../../core/http2/frame-limits.js'
import { FLAG, FRAME, type Frame } from '../../../core/http2/frames.js'

const RATES: FrameRates = { settings: 2, ping: 2, priority: 2, rstStream: 2, continuation: 2, empty: 2 }
const HEADERS: Frame = { type: FRAME.headers, flags: FLAG.endHeaders, stream: 1, length: 10 }
const CONTINUATION: Frame = { type: FRAME.continuation, flags: 0, stream: 1, length: 100 }
const EMPTY: Frame = { type: FRAME.data, flags: 0, stream: 1, length: 0 }

/** How many of a frame are taken before the connection ends, at most 100. */
function taken(limits: FrameLimits, frame: Frame): number {
  for (let count = 0; count < 100; count++)
    try {
      limits.count(frame)
    } catch {
      return count
    }
  return 100
}

test('each request gives an origin room for one large head and its body', async t => {
  const limits = new FrameLimits('origin', () => RATES)
  limits.sent(HEADERS)
  limits.sent(HEADERS)
  t.equal(taken(limits, CONTINUATION), 2 + 2 * 16)
  const other = new FrameLimits('origin', () => RATES)
  t.equal(taken(other, EMPTY), 2)
  const served = new FrameLimits('origin', () => RATES)
  served.sent(HEADERS)
  t.equal(taken(served, EMPTY), 2 + 4)
})

test('what the proxy answers gives a client no room', async t => {
  const limits = new FrameLimits('client', () => RATES)
  for (let i = 0; i < 10; i++) limits.sent(HEADERS)
  t.equal(taken(limits, CONTINUATION), 2)
})
