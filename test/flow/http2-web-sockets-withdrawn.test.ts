/** A WebSocket waits for the settings of its origin. What ends the acceptance meanwhile reaches it: no byte has gone. */
import { createServer } from 'node:http2'
import { connect } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { type Test, test } from 'tap'
import type { Revocation } from '../../core/api/plugin.js'
import { A, confWith, root, start } from '../kit/coalescing.js'
import { hear } from '../kit/gate.js'
import { guardServer } from '../kit/tcp-server.js'
import { moveDate } from '../kit/wall-clock.js'
import { poll } from '../kit/watch.js'
import { exchangesFrames, headOn, upgrade } from '../kit/web-socket-streams.js'

const ASKED = `
import { channel } from 'node:diagnostics_channel'
export default ({ argv, hookAdd, accept, reject, revoke }) =>
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', event => {
    channel('socket asked').publish(revoke)
    event.reenable(argv[1] === 'no' ? reject('policy', 'not any more') : accept({ expiresIn: Number(argv[1]) }))
  })`
const confFor = (answer: string) => ({
  plugins: [`asked.mjs ${answer}`],
  modules: { 'asked.mjs': ASKED },
})

/** An origin of HTTP/2 alone that speaks when `settle` is called, and a WebSocket that waits for it. */
async function stage(t: Test, answer = '600000') {
  const revokes: ((what: Revocation) => void)[] = []
  hear(t, 'socket asked', (revoke: (what: Revocation) => void) => revokes.push(revoke))
  const connects: number[] = []
  let ended = 0
  const settling: (() => void)[] = []
  const http2 = createServer({ settings: { enableConnectProtocol: true } })
  const leaf = await root.issue({ cn: A, sans: [A] })
  const tls = createTlsServer({ cert: leaf.chainPem, key: leaf.keyPem, ALPNProtocols: ['h2'] })
  tls.on('secureConnection', (socket: TLSSocket) => {
    socket.on('error', () => {})
    settling.push(() => http2.emit('connection', socket))
    socket.once('close', () => {
      ended += 1
    })
    t.teardown(() => socket.destroy())
  })
  http2.on('sessionError', () => {})
  http2.on('stream', (stream, { ':protocol': protocol }) => {
    stream.on('error', () => {})
    if (protocol !== 'websocket') return stream.close()
    connects.push(settling.length)
    stream.respond({ ':status': 200 })
    stream.pipe(stream)
  })
  const { port, stop } = await guardServer(tls)
  t.teardown(stop)
  const proxy = await start(t, confFor(answer))
  const socket = connect(proxy.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const text = upgrade(port).replace(/^Host: .*$/m, `Host: ${A}:${port}`)
  socket.write(text.replace('/chat', `https://${A}:${port}/chat`))
  const answered = headOn(socket)
  answered.catch(() => {})
  const next = (count: number): Promise<() => void> => poll(() => settling[count - 1], `connection ${count}`)
  return {
    answered,
    closed: () => ended,
    connects,
    next,
    proxy,
    revokes,
    settling,
    socket,
    first: await next(1),
  }
}

type Stage = Awaited<ReturnType<typeof stage>>

const ENDS: Readonly<Record<string, (t: Test, on: Stage) => void>> = {
  'a revocation': (_t, { revokes }) => revokes[0]?.({ host: A }),
  'the end of its acceptance': t => moveDate(t, 601_000),
}

for (const [what, happen] of Object.entries(ENDS))
  test(`${what} reaches a WebSocket that waits for settings: its origin is judged anew`, async t => {
    const on = await stage(t)
    happen(t, on)
    on.first()
    ;(await on.next(2))()
    const { head, rest } = await on.answered
    t.match(head, /^HTTP\/1\.1 101 /)
    await exchangesFrames(t, on.socket, rest)
    t.strictSame([on.connects, on.revokes.length], [[2], 2], 'it was asked once, on the second connection')
  })

test('one that comes each time lets nothing be sent', async t => {
  const on = await stage(t)
  for (let i = 0; i < 2; i++) {
    const settle = await on.next(i + 1)
    on.revokes[i]?.({ host: A })
    settle()
  }
  t.match((await on.answered).head, /^HTTP\/1\.1 502 .*PTC_ORIGIN_CLOSED/s)
  t.strictSame([on.connects, on.settling.length], [[], 2])
  await poll(() => on.closed() === 2 || undefined, 'the end of both connections')
})

test('a reload that rejects reaches it', async t => {
  const on = await stage(t)
  on.proxy.conf.write(confWith(confFor('no')))
  await on.proxy.server.reload()
  on.first()
  t.match((await on.answered).head, /^HTTP\/1\.1 502 .*not any more/s)
  t.strictSame(on.connects, [])
})

const STAYS: Readonly<Record<string, readonly [string, (t: Test, on: Stage) => void]>> = {
  'what is revoked of another host': ['600000', (_t, { revokes }) => revokes[0]?.({ host: 'other.example' })],
  'the end of an acceptance for one handshake': ['0', t => moveDate(t, 1000)],
}

for (const [what, [answer, happen]] of Object.entries(STAYS))
  test(`${what} leaves it where it is`, async t => {
    const on = await stage(t, answer)
    happen(t, on)
    on.first()
    t.match((await on.answered).head, /^HTTP\/1\.1 101 /)
    t.strictSame([on.connects, on.settling.length], [[1], 1])
  })
