/**
 * The edge of the handshake machine towards clients: performs its effects on an engine, a TCP link, a clock and the
 * plugins, and turns what happens to those into events. Ends in exactly one of two ways: `onOpen` with a plaintext
 * link, or `onFailed`.
 *
 * Longer than 250 lines because all that one handshake does to the world is in one place.
 */
import type {
  CertEvent,
  CertificatePems,
  ClientHelloEvent,
  ParkedClient,
  ServernameEvent,
  SessionGetEvent,
  SessionNewEvent,
  VerifyClientEvent,
} from '../api/client-hooks.js'
import type { VConn } from '../api/vconn.js'
import { describe, ProxyError } from '../base/errors.js'
import type { FairQueue, Urgency } from '../base/fair-queue.js'
import { endGently } from '../vconn/end-gently.js'
import type { Link, LinkSink } from '../vconn/link.js'
import { PluginTurn, type TurnAsker, type TurnObserver } from '../vconn/turn.js'
import { certificateOf } from './chain-certificate.js'
import type { ServerContext } from './openssl/server-context.js'
import { ServerEngine } from './openssl/server-engine.js'
import { fatalAlert } from './record-layer.js'
import {
  type Gate,
  SERVER_INITIAL,
  type ServerEffect,
  type ServerEvent,
  type ServerHandshake,
  type ServerTerms,
  serverStep,
} from './server-handshake.js'
import { offeredSession, sniOf, toHelloFacts } from './server-hello.js'
import { TlsLink } from './tls-link.js'

/** How much a client may send while it is parked: the rest of its flight is far below. */
const WAITING_BYTES = 262_144
const PROTOCOL_VERSION = 70

/** As many of each as the terms say, in the same order. */
export interface ServerAskers {
  readonly hello: readonly TurnAsker<ClientHelloEvent>[]
  readonly session: readonly TurnAsker<SessionGetEvent>[]
  readonly certificate: readonly TurnAsker<CertEvent>[]
  readonly client: readonly TurnAsker<VerifyClientEvent>[]
}

/** What a handshake with a client has to do with the rest of the program. */
export interface ServerSettings {
  /** Decides about sessions, and the certificates of clients. */
  readonly context: ServerContext
  /** Whose certificate is shown to a client that asks for a name, or for none. */
  readonly choose: (sni: string | undefined) => ServerContext
  /** Whose certificate is for a name; undefined when none is. */
  readonly named: (name: string) => ServerContext | undefined
  /** @throws {ProxyError} PTC_TLS_CONTEXT */
  readonly makeContext: (pems: CertificatePems) => ServerContext
  readonly terms: ServerTerms
  readonly askers: ServerAskers
  readonly tellServername: (event: ServernameEvent) => void
  readonly tellSession: (event: SessionNewEvent) => void
  /** What is spoken, the preferred protocol first. */
  readonly alpn: readonly string[]
  /** Milliseconds for the whole handshake, parks included. */
  readonly timeout: number
  /** Milliseconds for which a session can be resumed. */
  readonly sessionLifetime: number
  readonly observer: TurnObserver
  /** Shares the processor between handshakes. */
  readonly queue: FairQueue
}

export class ClientHandshake implements LinkSink {
  readonly copiesData = true
  readonly #tcp: Link
  readonly #vconn: VConn
  readonly #settings: ServerSettings
  readonly #engine: ServerEngine
  readonly #onOpen: (link: TlsLink) => void
  readonly #onFailed: (why: ProxyError) => void
  readonly #clock: NodeJS.Timeout
  readonly #deadline: number
  #state: ServerHandshake = SERVER_INITIAL
  /** What came up to the ClientHello; then nothing is kept. */
  #received: Buffer[] | undefined = []
  /** Received since the engine last looked. */
  #waitingBytes = 0
  #isQueued = false
  #sni: string | undefined
  #turn: PluginTurn | undefined
  #hasSession = false

  constructor(
    tcp: Link,
    vconn: VConn,
    settings: ServerSettings,
    onOpen: (link: TlsLink) => void,
    onFailed: (why: ProxyError) => void,
  ) {
    this.#tcp = tcp
    this.#vconn = vconn
    this.#settings = settings
    this.#onOpen = onOpen
    this.#onFailed = onFailed
    this.#engine = new ServerEngine(settings.context, settings.alpn)
    this.#deadline = Date.now() + settings.timeout
    this.#clock = setTimeout(() => this.#on({ type: 'clock' }), settings.timeout)
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
    this.#received?.push(Buffer.from(bytes))
    this.#engine.receive(bytes)
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes > WAITING_BYTES)
      this.#break('PTC_CLIENT_HANDSHAKE', 'the client sent on while its handshake had to wait')
    else if (this.#state.at === 'shaking') this.#queueAdvance(2)
  }

  onDrain(): void {
    // A flight is far below any high-water mark.
  }

  onEnd(): void {
    this.#readLast()
    this.#break('PTC_CLIENT_HANDSHAKE', 'the client closed the connection during its TLS handshake')
  }

  onClose(cause: ProxyError | undefined): void {
    this.#readLast()
    const text = cause?.message ?? 'the client closed the connection during its TLS handshake'
    this.#break('PTC_CLIENT_HANDSHAKE', text)
  }

  /** What came before the end may say why: an alert. */
  #readLast(): void {
    if (this.#isQueued) this.#advanceOnce()
  }

  #break(code: 'PTC_CLIENT_HANDSHAKE' | 'PTC_INTERNAL', message: string): void {
    this.#on({ type: 'broken', why: new ProxyError(code, message) })
  }

  #on(event: ServerEvent): void {
    const [next, ...effects] = serverStep(this.#state, event, this.#settings.terms)
    this.#state = next
    for (const effect of effects) this.#perform(effect)
  }

  #perform(effect: ServerEffect): void {
    switch (effect.do) {
      case 'call-hook':
        return this.#callHook(effect.gate, effect.hook)
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

  #queueAdvance(urgency: Urgency): void {
    if (this.#isQueued) return
    this.#isQueued = true
    this.#settings.queue.run(`client ${this.#tcp.remoteAddress}`, urgency, () => {
      if (this.#isQueued) this.#advanceOnce()
    })
  }

  #advanceOnce(): void {
    this.#isQueued = false
    if (this.#state.at !== 'shaking') return
    this.#waitingBytes = 0
    try {
      this.#advance()
    } catch (cause) {
      this.#break('PTC_INTERNAL', `the handshake with a client failed: ${describe(cause)}`)
    }
  }

  #advance(): void {
    const progress = this.#engine.advance()
    this.#flush()
    if (progress === 'hello') this.#onHello()
    else if (progress === 'certificate')
      this.#on({ type: 'reached', stop: 'certificate', gates: ['certificate'] })
    else if (progress === 'established') this.#onEstablished()
    else if (progress === 'failed') this.#on({ type: 'broken', why: this.#engineError() })
  }

  #onHello(): void {
    const facts = this.#engine.facts
    if (facts === undefined) return this.#break('PTC_INTERNAL', 'parked without a ClientHello')
    if (facts.isSsl2) {
      this.#tcp.write(fatalAlert(PROTOCOL_VERSION))
      return this.#break('PTC_CLIENT_HANDSHAKE', 'the client speaks the framing of SSL 2')
    }
    this.#sni = sniOf(facts)
    this.#engine.show(this.#settings.choose(this.#sni))
    const isOffered = offeredSession(facts) !== undefined
    this.#on({ type: 'reached', stop: 'hello', gates: isOffered ? ['hello', 'session'] : ['hello'] })
  }

  #onEstablished(): void {
    const isShown = this.#engine.outcome().chain.length > 0
    this.#on({ type: 'reached', stop: 'established', gates: isShown ? ['client'] : [] })
  }

  #engineError(): ProxyError {
    const { reason, alert } = this.#engine.error ?? { reason: 'unknown', alert: undefined }
    const how = alert === undefined ? reason : `the client ended it with alert ${alert} (${reason})`
    return new ProxyError('PTC_CLIENT_HANDSHAKE', `the TLS handshake with the client failed: ${how}`)
  }

  #flush(): void {
    const bytes = this.#engine.take()
    if (bytes !== undefined) this.#tcp.write(bytes)
  }

  #callHook(gate: Gate, hook: number): void {
    switch (gate) {
      case 'hello':
        return this.#ask(this.#settings.askers.hello[hook], parked => ({ ...parked, ...this.#hello() }))
      case 'session':
        return this.#ask(this.#settings.askers.session[hook], parked => this.#sessionEvent(parked))
      case 'certificate':
        return this.#ask(this.#settings.askers.certificate[hook], parked => ({
          ...parked,
          use: certificate => this.#use(certificate),
        }))
      case 'client':
        return this.#ask(this.#settings.askers.client[hook], parked => ({ ...parked, ...this.#shown() }))
    }
  }

  #ask<E>(asker: TurnAsker<E> | undefined, toEvent: (parked: ParkedClient) => E): void {
    if (asker === undefined) return this.#on({ type: 'plugin-failed', detail: 'there is no such plugin' })
    const facts = {
      vconn: this.#vconn,
      about: `client ${this.#vconn.remoteAddress}`,
      deadline: this.#deadline,
      observer: this.#settings.observer,
    }
    const turn = new PluginTurn(asker, facts, end =>
      this.#on(end.type === 'reenabled' ? { ...end, isSettled: this.#hasSession } : end),
    )
    this.#turn = turn
    turn.start(asker, Object.freeze(toEvent({ ...turn.parked, sni: this.#sni })))
  }

  #hello(): ReturnType<typeof toHelloFacts> {
    const facts = this.#engine.facts
    if (facts === undefined) throw new ProxyError('PTC_INTERNAL', 'parked without a ClientHello')
    return toHelloFacts(facts, Buffer.concat(this.#received ?? []))
  }

  #sessionEvent(parked: ParkedClient): SessionGetEvent {
    const facts = this.#engine.facts
    const id = (facts === undefined ? undefined : offeredSession(facts)) ?? Buffer.alloc(0)
    const turn = this.#turn
    return {
      ...parked,
      op: 'get',
      id: Buffer.from(id),
      provide: session => {
        if (turn?.isOpen !== true) return false
        const isGood = session instanceof Uint8Array && this.#engine.provide(session, id)
        if (isGood) this.#hasSession = true
        return isGood
      },
    }
  }

  #use(certificate: string | CertificatePems): void {
    if (this.#turn?.isOpen !== true)
      throw new ProxyError('PTC_PLUGIN_CALL', 'the certificate of this handshake has been chosen')
    if (typeof certificate === 'string') {
      const context = this.#settings.named(certificate)
      if (context === undefined)
        throw new ProxyError('PTC_PLUGIN_CALL', `no line of ssl_multicert.config is for ${certificate}`)
      return this.#engine.show(context)
    }
    const context = this.#settings.makeContext(certificate)
    this.#engine.show(context)
    context.free() // the engine keeps what it needs
  }

  #shown(): Omit<VerifyClientEvent, keyof ParkedClient> {
    const { chain, isResumed, protocol, cipher, alpn } = this.#engine.outcome()
    return { chain: Object.freeze(chain.map(certificateOf)), isResumed, protocol, cipher, alpn }
  }

  #goOn(stop: 'hello' | 'certificate' | 'established'): void {
    if (stop === 'hello') {
      this.#received = undefined
      this.#settings.tellServername(Object.freeze({ vconn: this.#vconn, sni: this.#sni }))
    }
    this.#engine.goOn()
    this.#queueAdvance(2)
  }

  /** Before our first answer, and before the Finished of TLS 1.2, an alert is in plaintext. */
  #sendAlert(alert: number, stop: 'hello' | 'certificate' | 'established' | undefined): void {
    if (stop !== 'established' || this.#engine.reject() === 'plain') this.#tcp.write(fatalAlert(alert))
    this.#flush()
  }

  #deliver(): void {
    clearTimeout(this.#clock)
    this.#engine.release()
    this.#flush()
    for (const { id, session } of this.#engine.takeSessions())
      this.#settings.tellSession({
        op: 'new',
        vconn: this.#vconn,
        sni: this.#sni,
        id,
        session,
        lifetime: this.#settings.sessionLifetime,
      })
    this.#onOpen(new TlsLink(this.#tcp, this.#engine, () => {}, 'client'))
  }

  #close(why: ProxyError): void {
    clearTimeout(this.#clock)
    this.#turn?.stop()
    this.#flush()
    this.#engine.free()
    if (this.#tcp.isClosed) this.#tcp.destroy()
    else endGently(this.#tcp)
    this.#onFailed(why)
  }
}
