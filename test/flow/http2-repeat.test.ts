/** Requests on streams that an origin has not processed (RFC 9113 sections 6.8 and 8.7) are sent again. */
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { at, HOST, http2Origin, speaking, start } from '../kit/http2-bumping.js'
import { answerOn } from '../kit/http2-client.js'

test('a stream that the origin has refused is sent again, on another connection', async t => {
  const stage = await start(t)
  let refused = 0
  const { port, seen } = await http2Origin(t, [HOST], (req, res) => {
    if (req.method === 'POST' && refused++ === 0) return res.stream.close(7)
    res.end('ok')
  })
  const client = await speaking(t, stage, port)
  const { status, body } = await client.ask(at(port, '/', { ':method': 'POST' }))
  t.strictSame([status, body.toString(), seen.length], [200, 'ok', 2])
})

test('a body that comes while a refused request waits for another connection arrives whole', async t => {
  let handshakes = 0
  let onHeld = (_go: () => void): void => {}
  const held = new Promise<() => void>(resolve => {
    onHeld = resolve
  })
  const stage = await start(t, {
    answer: event => {
      handshakes += 1
      if (handshakes === 2) onHeld(() => event.reenable())
      else event.reenable()
    },
  })
  let refused = 0
  const { port } = await http2Origin(t, [HOST], (req, res) => {
    if (refused++ === 0) return res.stream.close(7)
    req.pipe(res)
  })
  const client = await speaking(t, stage, port)
  const stream = client.session.request(at(port, '/', { ':method': 'POST' }), { endStream: false })
  const answer = answerOn(stream)
  const go = await held
  stream.end('the whole body')
  await sleep(100)
  go()
  const { status, body } = await answer
  t.strictSame([status, body.toString(), handshakes], [200, 'the whole body', 2])
})

test('streams behind the last one that a GOAWAY names are sent again, whatever its code', async t => {
  for (const code of [0, 2]) {
    const stage = await start(t)
    const { port, seen } = await http2Origin(t, [HOST], (req, res) => {
      if (req.method === 'POST' && (req.stream.id ?? 0) > 1) return res.stream.session?.goaway(code, 1)
      res.end('ok')
    })
    const client = await speaking(t, stage, port)
    t.equal((await client.ask(at(port, '/'))).status, 200)
    const { status, body } = await client.ask(at(port, '/', { ':method': 'POST' }))
    t.strictSame([status, body.toString(), seen.length], [200, 'ok', 3], `code ${code}`)
  }
})

test('an origin that wants HTTP/1.1 gets it', async t => {
  const stage = await start(t)
  const { port } = await http2Origin(t, [HOST], (req, res) => {
    if (req.httpVersion === '2.0') return res.stream.close(13)
    res.end(`hello over ${req.httpVersion}`)
  })
  const client = await speaking(t, stage, port)
  const { status, body } = await client.ask(at(port, '/'))
  t.strictSame([status, body.toString()], [200, 'hello over 1.1'])
})
