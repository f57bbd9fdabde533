/**
 * The edge of the handshake machine towards clients: performs its effects on an engine, a TCP link, a clock and the
 * plugins, and turns what happens to those into events. Ends in exactly one of two ways: `onOpen` with a plaintext
 * link, or `onFailed`. Longer than 250 lines because every effect of the machine is performed here, and nowhere else.
 */
import type { VConn } from '../../api/vconn.js'
import { Deadline } from '../../base/deadline.js'
import { doAll } from '../../base/edge.js'
import { ProxyError } from '../../base/errors.js'
import type { Share } from '../../base/fair-queue.js'
import { networkOf } from '../../base/network.js'
import { endGently, type Link, type LinkSink } from '../../vconn/link.js'
import { asClientError, clientHandshakeError } from '../handshake-error.js'
import { InboundEngine } from '../openssl/inbound-engine.js'
import { QueuedStep } from '../queued-step.js'
import { fatalAlert } from '../sniff/record-layer.js'
import { TlsLink } from '../tls-link.js'
import {
  INBOUND_INITIAL,
  type InboundEffect,
  type InboundEvent,
  type InboundState,
  inboundStep,
  type Stop,
} from './machine.js'
import { Preparation } from './preparation.js'
import { InboundQuestions } from './questions.js'
import type { InboundSettings } from './settings.js'
import type { ShownCertificate } from './shown-certificate.js'

/** A client that has sent more while it has to wait is not read on: the rest of its flight is far below. */
const WAITING_BYTES = 65_536
const PROTOCOL_VERSION = 70

/**
 * @param shown undefined for a client without a certificate
 * @param protocol negotiated by ALPN; undefined without
 */
export type OnOpen = (
  link: TlsLink,
  shown: ShownCertificate | undefined,
  protocol: string | undefined,
) => void

export class InboundHandshake implements LinkSink {
  readonly copiesData = true
  readonly #tcp: Link
  readonly #settings: InboundSettings
  readonly #engine: InboundEngine
  readonly #questions: InboundQuestions
  readonly #step: QueuedStep
  readonly #share: Share
  readonly #onOpen: OnOpen
  readonly #onFailed: (why: ProxyError) => void
  readonly #clock = new Deadline({
    onFault: why => this.#close(why),
    onTime: () => this.#on({ type: 'clock' }),
  })
  #state: InboundState = INBOUND_INITIAL
  /** Received since the engine last looked. */
  #waitingBytes = 0
  #preparation: Preparation | undefined
  #isOver = false

  constructor(
    tcp: Link,
    vconn: VConn,
    settings: InboundSettings,
    onOpen: OnOpen,
    onFailed: (why: ProxyError) => void,
  ) {
    this.#tcp = tcp
    this.#settings = settings
    this.#onOpen = onOpen
    this.#onFailed = onFailed
    this.#engine = new InboundEngine(settings.context, settings.alpn)
    this.#questions = new InboundQuestions(this.#engine, vconn, settings)
    this.#step = new QueuedStep(
      settings.queue,
      () => this.#advanceOnce(),
      why => this.#break(why),
    )
    this.#share = { network: networkOf(tcp.remoteAddress), host: '' }
    this.#clock.set(Math.max(settings.timeout, 1)) // a limit of 0 is over at once
  }

  start(): void {
    this.#atEdge(() => {
      this.#tcp.attach(this)
      this.#tcp.resume()
    })
  }

  /** Ends it, whatever it waits for. */
  abandon(): void {
    this.#break(new ProxyError('PTC_CLIENT_HANDSHAKE', 'the proxy is closing'))
  }

  onData(bytes: Buffer): void {
    this.#atEdge(() => this.#receive(bytes))
  }

  #receive(bytes: Buffer): void {
    if (this.#state.at === 'closed') return
    this.#engine.receive(bytes)
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes > WAITING_BYTES) this.#tcp.pause()
    if (this.#state.at !== 'running') return
    this.#questions.heard(bytes)
    this.#wait()
  }

  #wait(): void {
    this.#step.wait(this.#share, 2)
  }

  onDrain(): void {
    // A flight is far below any high-water mark.
  }

  onEnd(): void {
    this.#onGone()
  }

  onClose(why: ProxyError | undefined): void {
    this.#onGone(why?.message)
  }

  /** What came before the end may say why: an alert. A client that leaves while it is held has not failed. */
  #onGone(message = 'the client closed the connection during its TLS handshake'): void {
    this.#step.takeNow()
    const code = this.#state.at === 'running' ? 'PTC_CLIENT_HANDSHAKE' : 'PTC_CLIENT_GONE'
    this.#break(new ProxyError(code, message))
  }

  #break(why: ProxyError): void {
    this.#on({ type: 'broken', why })
  }

  /** Plugins and timers call it as well: what goes wrong in here ends the handshake, and is not theirs to catch. */
  #on(event: InboundEvent): void {
    const [next, ...effects] = inboundStep(this.#state, event, this.#settings.terms)
    this.#state = next
    this.#atEdge(() => {
      for (const effect of effects) this.#perform(effect)
    })
  }

  /** Throws nothing: what the failure itself throws ends the handshake as well. */
  #atEdge(work: () => void): void {
    try {
      work()
    } catch (cause) {
      const why = asClientError(cause)
      const close = (): void => this.#close(why) // also where the machine thinks that it is over
      doAll('a failed handshake', () => this.#break(why), close)
    }
  }

  #perform(effect: InboundEffect): void {
    switch (effect.do) {
      case 'call-continuation':
        return this.#questions.ask(effect.gate, effect.continuation, this.#clock.endsAt, event =>
          this.#on(event),
        )
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
    if (this.#state.at !== 'running') return
    if (this.#waitingBytes > WAITING_BYTES) this.#tcp.resume()
    this.#waitingBytes = 0
    this.#atEdge(() => this.#advance())
  }

  #advance(): void {
    const progress = this.#engine.advance()
    this.#flush()
    if (progress === 'failed') this.#break(clientHandshakeError(this.#engine.error))
    else if (progress === 'hello' && this.#engine.facts?.isSsl2) this.#refuseSsl2()
    else if (progress !== 'wants-input')
      this.#on({
        type: 'reached',
        stop: progress,
        waits: this.#questions.waitsAt(progress, this.#clock.endsAt),
      })
  }

  #refuseSsl2(): void {
    this.#tcp.write(fatalAlert(PROTOCOL_VERSION))
    this.#break(new ProxyError('PTC_CLIENT_HANDSHAKE', 'the client speaks the framing of SSL 2'))
  }

  #flush(): void {
    const bytes = this.#engine.take()
    if (bytes !== undefined) this.#tcp.write(bytes)
  }

  /** The handshake's clock stands still meanwhile: a verdict about an origin may take longer than a client may. */
  #prepare(): void {
    const { prepare } = this.#settings
    if (prepare === undefined) return this.#on({ type: 'prepared' })
    const left = Math.max(this.#clock.left, 1)
    this.#clock.stop()
    this.#preparation = new Preparation(prepare, this.#questions.sni, why => {
      this.#clock.set(left)
      this.#on(why === undefined ? { type: 'prepared' } : { type: 'unprepared', why })
    })
  }

  #goOn(stop: Stop): void {
    if (stop === 'hello') this.#enter()
    this.#engine.goOn()
    this.#wait()
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
    const { shown } = this.#questions
    const { protocol } = this.#engine
    const link = new TlsLink(this.#tcp, this.#engine, () => undefined, 'client')
    this.#isOver = true
    try {
      this.#onOpen(link, shown, protocol)
    } catch (cause) {
      link.destroy(asClientError(cause))
    }
  }

  #close(why: ProxyError): void {
    if (this.#isOver) return
    this.#isOver = true
    doAll(
      'the end of a handshake',
      () => this.#clock.stop(),
      () => this.#preparation?.stop(why),
      () => this.#questions.stop(),
      () => this.#flush(),
      () => this.#engine.free(),
      () => (this.#tcp.isClosed ? this.#tcp.destroy() : endGently(this.#tcp)),
      () => this.#onFailed(why),
    )
  }
}
