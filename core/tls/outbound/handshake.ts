/**
 * The edge of the handshake machine: performs its effects on an engine, a TCP link, a clock and the plugins, and turns
 * what happens to those into events. Ends in exactly one of three ways: `onOpen` with a plaintext link, `onFailed`, or
 * `onRedial` with a verdict for a new connection.
 * Longer than 250 lines because every effect of the machine is performed here, and nowhere else.
 */
import type { PeerEvidence } from '../../api/certificate.js'
import { asFault, doAll } from '../../base/edge.js'
import { ProxyError } from '../../base/errors.js'
import type { Urgency } from '../../base/fair-queue.js'
import { LINGER } from '../../vconn/linger.js'
import { endGently, type Link, type LinkSink } from '../../vconn/link.js'
import { handshakeError } from '../handshake-error.js'
import { toEvidence } from '../judge/evidence.js'
import { toNames } from '../judge/names.js'
import { VerifyRejected } from '../judge/verdict.js'
import { OutboundEngine, type OutboundNames } from '../openssl/outbound-engine.js'
import { QueuedStep, StepClock } from '../queued-step.js'
import { TlsLink } from '../tls-link.js'
import type { Again } from './completing.js'
import type { HandshakeBegin, HandshakeEnds, HeldVerdict } from './held-verdict.js'
import { type Effect, type Handshake, type HandshakeEvent, INITIAL, step } from './machine.js'
import type { HandshakeAbout } from './observer.js'
import { parkedHandshake } from './operator.js'
import { Park, WAITING_BYTES } from './park.js'
import type { ParkedHandshake } from './parked-handshakes.js'
import { giveUp, isVerdictEnough, SpentLink } from './probe.js'
import { OutboundQuestions } from './questions.js'
import { again, checkingShown, secondCheck } from './second-check.js'
import { SessionUse } from './session-use.js'
import { alpnOffer, type OutboundSettings } from './settings.js'
import type { TlsOrigin, TlsTarget } from './start-tls.js'
import { HandshakeTrace } from './trace.js'

const CLOSED = 'the origin closed the connection during the TLS handshake'
const RELEASED = { type: 'released' } as const

export class OutboundHandshake implements LinkSink {
  readonly copiesData = true
  readonly #tcp: Link
  readonly #target: TlsTarget
  readonly #settings: OutboundSettings
  readonly #originTimeout: number
  readonly #names: OutboundNames
  readonly #engine: OutboundEngine
  readonly #sessions: SessionUse
  readonly #vconn: ReturnType<OutboundSettings['openVConn']>
  readonly #ends: HandshakeEnds
  readonly #held: HeldVerdict | undefined
  readonly #again: Again
  #state: Handshake = INITIAL
  readonly #clock: StepClock
  readonly #fail = (why: ProxyError): void => this.#close(why)
  /** Received since the engine last looked. */
  #waitingBytes = 0
  readonly #step: QueuedStep
  #isAdvancing = false
  readonly #park: Park
  readonly #trace: HandshakeTrace
  /** About the evidence of the machine's state. */
  #questions: OutboundQuestions | undefined
  #isHelloSent = false
  #isOver = false
  #isGivenUp = false

  constructor(
    tcp: Link,
    target: TlsTarget,
    settings: OutboundSettings,
    ends: HandshakeEnds,
    { held, originTimeout = settings.originTimeout, parent }: HandshakeBegin = {},
  ) {
    this.#tcp = tcp
    this.#target = target
    this.#settings = settings
    this.#ends = ends
    this.#held = held
    this.#originTimeout = originTimeout
    this.#park = new Park(settings, parent, ends.mayRelease === true, this.#fail, () => this.#on(RELEASED))
    this.#names = toNames(target.host, settings.names, target.announce)
    this.#again = again(settings, target, this.#names, evidence => this.#on({ type: 'completed', evidence }))
    const offered = alpnOffer(settings, target)
    this.#engine = new OutboundEngine(settings.context, this.#names, offered)
    const check = checkingShown(settings, target, this.#names)
    this.#sessions = new SessionUse(settings.sessions, target, offered, check)
    this.#vconn = settings.openVConn(tcp)
    this.#trace = new HandshakeTrace(this.#vconn.shown, target)
    this.#step = new QueuedStep(
      settings.queue,
      () => this.#advanceOnce(),
      why => this.#on({ type: 'broken', why }),
    )
    this.#clock = new StepClock(this.#step, this.#fail, () => this.#on({ type: 'clock' }))
  }

  start(): void {
    this.#atEdge(() => {
      this.#trace.start()
      this.#clock.start(this.#originTimeout)
      this.#tcp.attach(this)
      if (this.#held === undefined) this.#sessions.look(found => this.#on(found))
      else this.#on({ type: 'no-session' })
    })
  }

  /** The client that wants this connection has left. */
  abandon(): void {
    this.#on({ type: 'client-gone' })
  }

  /** What it waits for, if it waits for a plugin. */
  get held(): ParkedHandshake | undefined {
    if (this.#state.at !== 'parked') return undefined
    return parkedHandshake({
      id: this.#vconn.shown.id,
      host: this.#names.host,
      target: this.#target,
      remoteAddress: this.#tcp.remoteAddress,
      state: this.#state,
      terms: this.#settings.terms,
      park: this.#park,
      questions: this.#questions,
      clock: this.#clock,
      trace: this.#trace,
      on: event => this.#on(event),
    })
  }

  get #about(): HandshakeAbout {
    const { port, client: network, asking } = this.#target
    return { port, network, asking, plugin: this.#questions?.turn?.plugin, held: this.#park.held ?? 0 }
  }

  onData(bytes: Buffer): void {
    this.#atEdge(() => this.#receive(bytes))
  }

  #receive(bytes: Buffer): void {
    if (this.#state.at === 'closed' || this.#park.isReleased) return
    this.#engine.receive(bytes)
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes > WAITING_BYTES)
      this.#break('PTC_HANDSHAKE_FAILED', 'the origin sent on while its handshake had to wait')
    else if (this.#state.at !== 'parked' && !this.#sessions.isLooking) this.#queueAdvance(2)
  }

  /** A flight is far below any high-water mark. */
  onDrain(): void {}

  onEnd(): void {
    this.onClose(undefined)
  }

  /** What came before the end may say why: an alert. */
  onClose(why: ProxyError | undefined): void {
    if (this.#park.isReleased) return
    if (this.#state.at !== 'parked') this.#step.takeNow()
    const { at } = this.#state
    // Only for a connection that may have ended because plugins took their time.
    if (this.#park.canRedial && (at === 'parked' || at === 'resuming')) this.#on(RELEASED)
    else this.#break('PTC_HANDSHAKE_CLOSED', why?.message ?? CLOSED)
  }

  #break(code: 'PTC_HANDSHAKE_CLOSED' | 'PTC_HANDSHAKE_FAILED', message: string): void {
    this.#on({ type: 'broken', why: new ProxyError(code, message) })
  }

  /** Plugins, timers and the queue call it as well: what goes wrong in here ends the handshake, and is not theirs to catch. */
  #on(event: HandshakeEvent): void {
    const [next, ...effects] = step(this.#state, event, this.#settings.terms)
    if (this.#state.at === 'parked' && next.at !== 'parked') this.#settings.held?.delete(this)
    this.#state = next
    this.#park.heard(event, next)
    this.#atEdge(() => {
      for (const effect of effects) this.#perform(effect)
    })
  }

  /** Throws nothing: what the failure itself throws ends the handshake as well. */
  #atEdge(work: () => void): void {
    try {
      work()
    } catch (cause) {
      const why = asFault('the handshake with an origin', cause)
      const close = (): void => this.#close(why) // also where the machine thinks that it is over
      doAll('a failed handshake', () => this.#on({ type: 'broken', why }), close)
    }
  }

  #perform(effect: Effect): void {
    switch (effect.do) {
      case 'send-hello':
        return this.#queueAdvance(1)
      case 'start-clock':
        return this.#clock.start(effect.clock === 'verdict' ? this.#settings.deadline : this.#originTimeout)
      case 'ask-shadows': // a stored chain may have been shown to them before the origin's own
        return this.#questionsOn(effect.evidence).askShadows(Date.now() + this.#settings.deadline)
      case 'call-continuation':
        return this.#callContinuation(effect)
      case 'resume':
        return this.#resume()
      case 'release':
        return this.#release()
      case 'redial':
        return this.#redial(effect.peer)
      case 'send-alert':
        return this.#sendAlert(effect.code)
      case 'deliver':
        return this.#deliver(effect.peer)
      case 'close':
        return this.#close(effect.why)
    }
  }

  /** A step is up to a millisecond of computing: it waits for its turn, and serves all bytes that came till then. */
  #queueAdvance(urgency: Urgency): void {
    this.#step.wait({ network: this.#target.client, host: this.#target.host }, urgency)
  }

  #advanceOnce(): void {
    const { at } = this.#state
    if ((at !== 'started' && at !== 'resuming') || this.#withdraws()) return
    this.#isAdvancing = true
    this.#atEdge(() => this.#advance())
    this.#isAdvancing = false
  }

  /** What is left of the origin's flight may come after a revocation: no Finished and no certificate is sent then. */
  #withdraws(): boolean {
    const why = this.#park.whyWithdrawn(this.#state)
    if (why !== undefined) this.#on(this.#ends.onRedial ? RELEASED : { type: 'broken', why })
    return why !== undefined
  }

  #advance(): void {
    this.#waitingBytes = 0
    this.#isHelloSent = true
    const progress = this.#engine.advance()
    if (progress === 'wants-input' && this.#state.at === 'resuming') this.#giveUpProbe()
    this.#flush()
    if (progress === 'parked') {
      const peer = this.#engine.peer()
      if (peer === undefined) return this.#break('PTC_HANDSHAKE_FAILED', 'parked without a certificate')
      const evidence = toEvidence(peer, this.#names, this.#settings.checks)
      this.#trace.certificate(evidence)
      const check = secondCheck(this.#settings, this.#names)
      const held = this.#held?.for(evidence, this.#settings.revocations?.count ?? 0, check)
      this.#on({ type: 'certificate', evidence, held })
    } else if (progress === 'established') this.#on({ type: 'established' })
    else if (progress === 'failed') this.#onFailed(handshakeError(this.#engine.error))
  }

  /** A session that is resumed otherwise than it was judged is void: a new connection, without one, is judged anew. */
  #onFailed(why: ProxyError): void {
    if (!this.#engine.isResumedOtherwise) return this.#on({ type: 'broken', why })
    this.#sessions.drop(true)
    this.#park.makeVoid(why)
    this.#on(this.#ends.onRedial ? RELEASED : { type: 'broken', why })
  }

  /** A probe cannot show the certificate that the origin asks for, and needs no finished handshake. */
  #giveUpProbe(): void {
    if (!isVerdictEnough(this.#target, this.#settings, this.#engine)) return
    giveUp(this.#tcp, this.#engine)
    this.#isGivenUp = true
    this.#on({ type: 'established' })
  }

  #flush(): void {
    const bytes = this.#engine.take()
    if (bytes !== undefined) this.#tcp.write(bytes)
  }

  #callContinuation({ continuation, evidence }: Extract<Effect, { do: 'call-continuation' }>): void {
    this.#park.begin()
    const questions = this.#questionsOn(evidence)
    const plugin = this.#settings.askers[continuation]?.plugin ?? ''
    this.#settings.held?.add(this)
    this.#trace.asked(plugin)
    questions.ask(continuation, this.#clock.endsAt, event => {
      if (event.type === 'reenabled') {
        if (event.verdict.kind === 'accept') this.#park.accepted()
        this.#trace.reenabled(plugin, event.verdict)
      }
      this.#on(event)
    })
  }

  #release(): void {
    this.#settings.observer.released?.(this.#names.host, this.#tcp.remoteAddress)
    this.#dropConnection()
  }

  /** Without an alert: there is no verdict yet, or the connection has ended. */
  #dropConnection(): void {
    if (this.#park.isReleased) return
    this.#park.release()
    this.#sessions.drop(false)
    this.#engine.free()
    this.#tcp.destroy()
  }

  #redial(peer: TlsOrigin['peer']): void {
    if (this.#isOver || this.#ends.onRedial === undefined) return
    this.#isOver = true
    this.#clock.stop()
    this.#dropConnection()
    this.#trace.closed(this.#park.voidWhy ?? new ProxyError('PTC_HANDSHAKE_CLOSED', CLOSED))
    this.#vconn.close()
    this.#ends.onRedial(this.#park.verdict(peer, this.#target.port))
  }

  #questionsOn(evidence: PeerEvidence): OutboundQuestions {
    const known = this.#questions
    if (known?.evidence === evidence) return known
    const { port, asking, client: network } = this.#target
    const subject = { evidence, vconn: this.#vconn.shown, port, asking, network, again: this.#again }
    this.#questions = new OutboundQuestions(this.#settings, subject)
    return this.#questions
  }

  #resume(): void {
    const state = this.#state
    if (state.at !== 'resuming') return
    this.#park.stop()
    if (this.#withdraws()) return
    if (state.basis === 'session') {
      this.#sessions.offer(this.#engine, state.peer)
      return this.#queueAdvance(1)
    }
    this.#settings.observer.accepted(state.peer.evidence, state.peer, this.#tcp.remoteAddress, this.#about)
    this.#trace.accepted(state.peer, false, this.#park.held)
    if (this.#withdraws()) return // plugins were just told of the acceptance, and may have revoked it
    this.#engine.decide(0)
    // In the same step if no plugin took time.
    if (this.#isAdvancing) this.#advance()
    else this.#queueAdvance(2)
  }

  #sendAlert(code: number): void {
    // Without a ClientHello, or a connection, there is nothing to alert.
    if (!this.#isHelloSent || this.#park.isReleased) return
    this.#engine.decide(code)
    this.#engine.advance()
    this.#flush()
  }

  #deliver(peer: TlsOrigin['peer']): void {
    this.#clock.stop()
    if (this.#isGivenUp) return this.#deliverVerdict(peer)
    if (this.#sessions.keep(this.#engine, peer)) {
      this.#settings.observer.resumed?.(peer, this.#tcp.remoteAddress, this.#about)
      this.#trace.accepted(peer, true, this.#park.held)
    }
    this.#trace.closed()
    const { protocol } = this.#engine
    this.#open(new TlsLink(this.#tcp, this.#engine, () => this.#vconn.close()), peer, protocol)
  }

  #deliverVerdict(peer: TlsOrigin['peer']): void {
    this.#sessions.drop(false)
    this.#engine.free()
    this.#trace.closed()
    this.#vconn.close()
    this.#open(new SpentLink(this.#tcp), peer)
  }

  #open(link: Link, peer: TlsOrigin['peer'], protocol?: string): void {
    this.#isOver = true
    try {
      const { held: parked, revocations } = this.#park
      this.#ends.onOpen({ parked, link, peer, revocations, vconn: this.#vconn.shown, protocol })
    } catch (cause) {
      link.destroy(asFault('the connection to an origin', cause))
    }
  }

  /** Any failure ends here: everything is freed, and the caller gets the error. */
  #close(why: ProxyError): void {
    if (this.#isOver) return
    this.#isOver = true
    const rejected = why instanceof VerifyRejected ? why : undefined
    const isGentle = rejected !== undefined || why.code === 'PTC_HANDSHAKE_FAILED'
    if (rejected !== undefined) rejected.parked = this.#park.age ?? 0
    doAll(
      'the end of a handshake',
      () => this.#clock.stop(),
      () => this.#park.stop(),
      () => this.#questions?.stop(),
      () => this.#sessions.drop(rejected !== undefined),
      () => this.#flush(),
      () => this.#engine.free(),
      () => rejected && this.#settings.observer.rejected(rejected, this.#tcp.remoteAddress, this.#about),
      () => (isGentle && !this.#park.isReleased ? endGently(this.#tcp, LINGER, LINGER) : this.#tcp.destroy()),
      () => this.#trace.closed(why),
      () => this.#vconn.close(),
      () => this.#ends.onFailed(why),
    )
  }
}
