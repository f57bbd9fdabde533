/** Each version of HTTP on each side, and one side that takes nothing: the other one waits, and memory stays flat. */
import type { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { inEachMix, mixed } from '../kit/http-mixes.js'
import { heldSince, memoryBaseline } from '../kit/memory.js'
import { poll } from '../kit/watch.js'

// Load test: 256 MB through the proxy.

const MB = 1024 * 1024
const TOTAL = 32 * MB
/** The buffers of the system along the way take some megabytes, and never as much. */
const ENOUGH = (3 / 4) * TOTAL
/** What the proxy, and the buffers of both ends in this process, may hold. Without back-pressure it would be all. */
const FLAT = 8 * MB
const BLOCK = Buffer.alloc(64 * 1024, 'x')

/** Writes as much as is taken. */
function pour(out: Writable, onEnd: () => void): { readonly sent: () => number } {
  let sent = 0
  const more = (): void => {
    while (sent < TOTAL) {
      sent += BLOCK.length
      if (!out.write(BLOCK)) return void out.once('drain', more)
    }
    onEnd()
  }
  more()
  return { sent: () => sent }
}

/** Until nothing has moved for a while. */
async function stopped(sent: () => number): Promise<void> {
  let [before, still] = [-1, 0]
  await poll(async () => {
    still = sent() === before ? still + 1 : 0
    before = sent()
    await sleep(50)
    return still >= 10 || undefined
  }, 'the side that sends to wait')
}

test('a client that does not read', async top =>
  inEachMix(top, async (t, mix) => {
    let poured: ReturnType<typeof pour> | undefined
    const { ask } = await mixed(t, mix, (_req, res) => {
      poured = pour(res, () => res.end())
    })
    const before = await memoryBaseline()
    const request = await ask('GET', '/')
    const { body } = await request.head
    const sent = (): number => poured?.sent() ?? 0
    await stopped(sent)
    t.ok(sent() < ENOUGH, `the origin waits (${sent()} bytes sent)`)
    const held = await heldSince(before, FLAT)
    t.ok(held < FLAT, `memory stays flat (${held} bytes held)`)
    let received = 0
    body.on('data', ({ length }: Buffer) => {
      received += length
    })
    await poll(() => request.isWhole() || undefined, 'the end')
    t.equal(received, TOTAL, 'all of it arrives')
  }))

test('an origin that does not read', async top =>
  inEachMix(top, async (t, mix) => {
    let goOn = (): void => {}
    let received = 0
    const { ask } = await mixed(t, mix, (req, res) => {
      res.flushHeaders()
      goOn = () => {
        req.on('data', ({ length }: Buffer) => {
          received += length
        })
        req.on('end', () => res.end('done'))
      }
    })
    const before = await memoryBaseline()
    const request = await ask('POST', '/')
    const { body } = await request.head
    body.resume()
    const { sent } = pour(request.out, () => request.end())
    await stopped(sent)
    t.ok(sent() < ENOUGH, `the client waits (${sent()} bytes sent)`)
    const held = await heldSince(before, FLAT)
    t.ok(held < FLAT, `memory stays flat (${held} bytes held)`)
    goOn()
    await poll(() => request.isWhole() || undefined, 'the end')
    t.equal(received, TOTAL, 'all of it arrives')
  }))
