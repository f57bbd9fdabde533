/** Whatever the order in which bytes, answers, readers and room come: every request is served, once, in order. */
import fc from 'fast-check'
import { test } from 'tap'
import { FakeHost } from '../../kit/fake-client.js'
import { cuts, cutUp, forSeconds } from '../../kit/mutations.js'

type Step = 'receive' | 'answer' | 'head' | 'read' | 'pause' | 'resume' | 'block' | 'drain'
const STEPS: readonly Step[] = ['receive', 'answer', 'head', 'read', 'pause', 'resume', 'block', 'drain']

/** A request: the length of its body, and how it is framed. */
const message = fc.record({
  size: fc.constantFrom(0, 1, 5, 100, 9000),
  framing: fc.constantFrom('length', 'chunked'),
  // What the answer is given from: the request's coming, or a later step.
  isAtOnce: fc.boolean(),
})
type Message = typeof message extends fc.Arbitrary<infer M> ? M : never

function bytesOf({ size, framing }: Message, n: number): string {
  const body = String(n % 10).repeat(size)
  const head = `POST /${n} HTTP/1.1\r\nHost: a\r\n`
  if (framing === 'length') return `${head}Content-Length: ${size}\r\n\r\n${body}`
  const chunk = size === 0 ? '' : `${size.toString(16)}\r\n${body}\r\n`
  return `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`
}

class Stage {
  readonly host: FakeHost
  readonly #messages: readonly Message[]
  readonly #pieces: Buffer[]
  readonly bodies = new Map<number, string>()
  readonly ended = new Set<number>()
  gone = 0
  readonly link

  constructor(messages: readonly Message[], pieces: readonly Buffer[]) {
    this.#messages = messages
    this.#pieces = [...pieces]
    this.host = new FakeHost((_, reply) => {
      const onClientGone = (): void => {
        this.gone += 1
      }
      reply.watch({ onClientDrain: () => {}, onClientGone, onClientBroken: () => {} })
      if (this.#messages[this.host.requests.length - 1]?.isAtOnce === true) this.do('answer')
    })
    this.host.inForce = { ...this.host.inForce, maxHeaderBytes: 1000 }
    this.link = this.host.connect()
  }

  get isAllReceived(): boolean {
    return this.#pieces.length === 0
  }

  do(step: Step): void {
    const { link, host } = this
    if (step === 'receive') return this.#receive()
    if (step === 'block') link.hasRoom = false
    if (step === 'drain' && !link.hasRoom) link.drain()
    const last = host.requests.at(-1)
    if (last === undefined || last.reply.isEnded) return
    const { request, reply } = last
    const n = host.requests.length - 1
    if (step === 'head') reply.writeHead(200, 'OK', ['Content-Length', '2'])
    if (step === 'answer') reply.sendAll(200, 'OK', ['Content-Length', '2'], Buffer.from('ok'))
    if (step === 'pause' && this.bodies.has(n)) request.pause()
    if (step === 'resume') request.resume()
    if (step !== 'read' || this.bodies.has(n)) return
    this.bodies.set(n, '')
    request.read({
      onBody: bytes => this.bodies.set(n, `${this.bodies.get(n)}${bytes}`),
      onBodyEnd: () => this.ended.add(n),
    })
  }

  #receive(): void {
    if (this.link.isPaused) return
    const piece = this.#pieces.shift()
    if (piece !== undefined) this.link.sink?.onData(piece)
  }
}

test('every request is served, whatever the order of events', async t => {
  let served = 0
  const property = fc.property(
    fc.array(message, { minLength: 1, maxLength: 6 }),
    cuts,
    fc.array(fc.constantFrom(...STEPS), { maxLength: 60 }),
    (messages, at, steps) => {
      const stage = new Stage(messages, cutUp(messages.map(bytesOf).join(''), at))
      for (const step of steps) stage.do(step)
      // Every pending reaction is performed.
      for (let n = 0; n < 200; n++)
        for (const step of ['drain', 'receive', 'read', 'resume'] as const) stage.do(step)
      for (let n = 0; n < 40; n++)
        for (const step of ['answer', 'drain', 'receive', 'receive', 'receive'] as const) stage.do(step)
      const { host, link, bodies, ended } = stage
      const all = link.sent().toString()
      const isOpen = !link.isClosed && stage.gone === 0 && !link.isPaused && stage.isAllReceived
      const inOrder = host.requests.every(({ request }, n) => request.url === `/${n}`)
      const isWhole = [...ended].every(n => bodies.get(n) === String(n % 10).repeat(messages[n]?.size ?? -1))
      served += host.requests.length
      link.destroy()
      const answers = all.split('HTTP/1.1 200 OK').length - 1
      return (
        isOpen &&
        inOrder &&
        isWhole &&
        host.requests.length === messages.length &&
        answers === messages.length
      )
    },
  )
  do fc.assert(property, forSeconds(2))
  while (served <= 100)
  t.pass(`${served} requests`)
})
