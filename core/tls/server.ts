/**
 * The edge of the handshake machine towards clients: performs its effects on an engine, a TCP link, a clock and the
 * plugins, and turns what happens to those into events. Ends in exactly one of two ways: `onOpen` with a plaintext
 * link, or `onFailed`.
 */
import type { VConn } from '../api/vconn.js'
import { Clock } from '../base/clock.js'
import { describe, ProxyError } from '../base/errors.js'
import { endGently } from '../vconn/end-gently.js'
import type { Link, LinkSink } from '../vconn/link.js'
import { clientHandshakeError } from './handshake-error.js'
import { ServerEngine } from './openssl/server-engine.js'
import { Preparation } from './preparation.js'
import { QueuedStep } from './queued-step.js'
import { fatalAlert } from './record-layer.js'
import {
  SERVER_INITIAL,
  type ServerEffect,
  type ServerEvent,
  type ServerHandshake,
  type Stop,
  serverStep,
  type Waits,
} from './server-handshake.js'
import { ClientQuestions } from './server-questions.js'
import type { ServerSettings } from './server-settings.js'
import { TlsLink } from './tls-link.js'

/** How much a client may send while it is parked: the rest of its flight is far below. */
const WAITING_BYTES = 262_144
const PROTOCOL_VERSION = 70

export class ClientHandshake implements LinkSink {
  readonly copiesData = true
  readonly #tcp: Link
  readonly #settings: ServerSettings
  readonly #engine: ServerEngine
  readonly #questions: ClientQuestions
  readonly #step: QueuedStep
  readonly #onOpen: (link: TlsLink) => void
  readonly #onFailed: (why: ProxyError) => void
  readonly #clock = new Clock(
    () => this.#on({ type: 'clock' }),
    () => false,
  )
  #state: ServerHandshake = SERVER_INITIAL
  /** Received since the engine last looked. */
  #waitingBytes = 0
  #preparation: Preparation | undefined

  constructor(
    tcp: Link,
    vconn: VConn,
    settings: ServerSettings,
    onOpen: (link: TlsLink) => void,
    onFailed: (why: ProxyError) => void,
  ) {
    this.#tcp = tcp
    this.#settings = settings
    this.#onOpen = onOpen
    this.#onFailed = onFailed
    this.#engine = new ServerEngine(settings.context, settings.alpn)
    this.#questions = new ClientQuestions(this.#engine, vconn, settings)
    this.#step = new QueuedStep(settings.queue, () => this.#advanceOnce())
    this.#clock.start(settings.timeout)
  }

  start(): void {
    this.#tcp.attach(this)
    this.#tcp.resume()
  }

  /** Ends it, whatever it waits for. */
  abandon(): void {
    this.#break('PTC_CLIENT_HANDSHAKE', 'the proxy is closing')
  }

  onData(bytes: Buffer): void {
    if (this.#state.at === 'closed') return
    this.#questions.heard(bytes)
    this.#engine.receive(bytes)
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes > WAITING_BYTES) this.#onTooMuch()
    else if (this.#state.at === 'shaking') this.#step.wait(`client ${this.#tcp.remoteAddress}`, 2)
  }

  /** What comes behind the client's Finished are its requests: they are read when it is let in. */
  #onTooMuch(): void {
    if (this.#state.at === 'parked' && this.#state.stop === 'established') this.#tcp.pause()
    else this.#break('PTC_CLIENT_HANDSHAKE', 'the client sent on while its handshake had to wait')
  }

  onDrain(): void {
    // A flight is far below any high-water mark.
  }

  onEnd(): void {
    this.#onGone('the client closed the connection during its TLS handshake')
  }

  onClose(cause: ProxyError | undefined): void {
    this.#onGone(cause?.message ?? 'the client closed the connection during its TLS handshake')
  }

  /** What came before the end may say why: an alert. Who leaves while it is held has not failed at anything. */
  #onGone(message: string): void {
    this.#step.takeNow()
    this.#break(this.#state.at === 'shaking' ? 'PTC_CLIENT_HANDSHAKE' : 'PTC_CLIENT_GONE', message)
  }

  #break(code: 'PTC_CLIENT_HANDSHAKE' | 'PTC_CLIENT_GONE', message: string): void {
    this.#on({ type: 'broken', why: new ProxyError(code, message) })
  }

  /** Plugins and timers call it as well: what goes wrong in here ends the handshake, and is not theirs to catch. */
  #on(event: ServerEvent): void {
    const [next, ...effects] = serverStep(this.#state, event, this.#settings.terms)
    this.#state = next
    try {
      for (const effect of effects) this.#perform(effect)
    } catch (cause) {
      this.#fail(cause)
    }
  }

  #fail(cause: unknown): void {
    const why = new ProxyError('PTC_INTERNAL', `the handshake with a client failed: ${describe(cause)}`)
    if (this.#state.at !== 'open') return this.#on({ type: 'broken', why })
    this.#state = { at: 'closed', why }
    this.#close(why)
  }

  #perform(effect: ServerEffect): void {
    switch (effect.do) {
      case 'call-hook':
        return this.#questions.ask(effect.gate, effect.hook, this.#clock.endsAt, event => this.#on(event))
      case 'prepare':
        return this.#prepare()
      case 'go-on':
        return this.#goOn(effect.stop)
      case 'deliver':
        return this.#deliver()
      case 'send-alert':
        return this.#sendAlert(effect.alert, effect.stop)
      case 'close':
        return this.#close(effect.why)
    }
  }

  #advanceOnce(): void {
    if (this.#state.at !== 'shaking') return
    this.#waitingBytes = 0
    try {
      this.#advance()
    } catch (cause) {
      this.#fail(cause)
    }
  }

  #advance(): void {
    const progress = this.#engine.advance()
    this.#flush()
    if (progress === 'hello') this.#onHello()
    else if (progress === 'certificate') this.#reached('certificate', ['certificate'])
    else if (progress === 'established') this.#onEstablished()
    else if (progress === 'failed')
      this.#on({ type: 'broken', why: clientHandshakeError(this.#engine.error) })
  }

  #reached(stop: Stop, waits: Waits): void {
    this.#questions.askShadows(waits, this.#clock.endsAt)
    this.#on({ type: 'reached', stop, waits })
  }

  #onHello(): void {
    if (this.#engine.facts?.isSsl2) {
      this.#tcp.write(fatalAlert(PROTOCOL_VERSION))
      return this.#break('PTC_CLIENT_HANDSHAKE', 'the client speaks the framing of SSL 2')
    }
    const sessions = this.#questions.readHello()
    const preparation: Waits = this.#settings.prepare === undefined ? [] : ['preparation']
    this.#reached('hello', ['hello', ...preparation, ...sessions])
  }

  #onEstablished(): void {
    this.#reached('established', this.#engine.outcome().chain.length > 0 ? ['client'] : [])
  }

  #flush(): void {
    const bytes = this.#engine.take()
    if (bytes !== undefined) this.#tcp.write(bytes)
  }

  /** The handshake's clock stands still meanwhile: a verdict about an origin may take longer than a client may. */
  #prepare(): void {
    const { prepare } = this.#settings
    if (prepare === undefined) return this.#on({ type: 'prepared' })
    const left = Math.max(this.#clock.endsAt - Date.now(), 0)
    this.#clock.stop()
    this.#preparation = new Preparation(prepare, this.#questions.sni, why => {
      this.#clock.start(left)
      this.#on(why === undefined ? { type: 'prepared' } : { type: 'unprepared', why })
    })
  }

  #goOn(stop: Stop): void {
    if (stop === 'hello') this.#enter()
    this.#engine.goOn()
    this.#step.wait(`client ${this.#tcp.remoteAddress}`, 2)
  }

  /** The client is let in as far as its ClientHello goes. */
  #enter(): void {
    const { choose, sessionsFor } = this.#settings
    const { sni } = this.#questions
    if (sessionsFor !== undefined) this.#engine.limitSessions(sessionsFor(sni))
    this.#engine.show(choose(sni))
    this.#questions.tellName()
  }

  /** Before our first answer, and before the Finished of TLS 1.2, an alert is in plaintext. */
  #sendAlert(alert: number, stop: Stop | undefined): void {
    if (stop !== 'established' || this.#engine.reject() === 'plain') this.#tcp.write(fatalAlert(alert))
    this.#flush()
  }

  #deliver(): void {
    this.#clock.stop()
    this.#engine.release()
    this.#flush()
    this.#questions.tellSessions()
    const link = new TlsLink(this.#tcp, this.#engine, () => this.#questions.stopShadows(), 'client')
    try {
      this.#onOpen(link)
    } catch (cause) {
      link.destroy(new ProxyError('PTC_INTERNAL', describe(cause), { cause }))
    }
  }

  #close(why: ProxyError): void {
    this.#clock.stop()
    this.#preparation?.stop(why)
    this.#questions.stop()
    this.#flush()
    this.#engine.free()
    if (this.#tcp.isClosed) this.#tcp.destroy()
    else endGently(this.#tcp)
    this.#onFailed(why)
  }
}
