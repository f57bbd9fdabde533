import {
  type CertEvent,
  type CertificatePems,
  type ClientHelloEvent,
  isSessionBytes,
  type ParkedClient,
  readCertificate,
  type ServernameEvent,
  type SessionGetEvent,
  type SessionNewEvent,
  type VerifyClientEvent,
} from '../../api/client-hooks.js'
import type { VConn } from '../../api/vconn.js'
import { ProxyError } from '../../base/errors.js'
import { clip, MAX_MESSAGE } from '../../base/thrown.js'
import { Chain } from '../../wait/chain.js'
import type { Shadows } from '../../wait/shadows.js'
import type { Turn, TurnAsker, TurnObserver } from '../../wait/turn.js'
import { eventOf } from '../../wait/turn-event.js'
import { certificateOf } from '../judge/chain-certificate.js'
import type { HelloFacts } from '../openssl/hello-facts.js'
import type { InboundContext } from '../openssl/inbound-context.js'
import type { InboundEngine } from '../openssl/inbound-engine.js'
import { isSession } from '../openssl/inbound-sessions.js'
import { offeredSessions, offersTls13, sniOf, toHelloFacts } from './hello.js'
import type { Gate, InboundEvent, Stop, Waits } from './machine.js'
import { type ShownCertificate, shownIn } from './shown-certificate.js'

/** What the plugins on each gate are handed. */
export interface GateEvents {
  readonly hello: ClientHelloEvent
  readonly session: SessionGetEvent
  readonly certificate: CertEvent
  readonly client: VerifyClientEvent
}

/** The plugins on each gate, in the order of plugin.config. */
export type InboundAskers = { readonly [G in Gate]: readonly TurnAsker<GateEvents[G]>[] }

export interface QuestionSettings {
  /** Plugins that can refuse: as many as the machine's terms name, in the same order. */
  readonly askers: InboundAskers
  /** Those in shadow mode. */
  readonly shadows: InboundAskers
  /** Where their turns are kept; default: of their own. */
  readonly shadowTurns?: Shadows | undefined
  /** Whose certificate is for a name; undefined when none is. */
  readonly named: (name: string) => InboundContext | undefined
  /** The caller owns it. It must be shown before the next one is made. @throws {ProxyError} PTC_TLS_CONTEXT */
  readonly makeContext: (pems: CertificatePems) => InboundContext
  readonly observer: TurnObserver
  readonly tellServername: (event: ServernameEvent) => void
  readonly tellSession: (event: SessionNewEvent) => void
  /** Milliseconds for which a session can be resumed. */
  readonly sessionLifetime: number
}

/** A turn, as far as what it may do depends on it. */
interface Asked {
  readonly turn: Turn
  /** What a plugin in shadow mode does has no effect. */
  readonly isShadow: boolean
}

/** What an event of a gate is about, beside what all of them have. */
type MakeFacts<G extends Gate> = (asked: Asked) => Omit<GateEvents[G], keyof ParkedClient>

/**
 * What plugins are asked and told about one client: what each hook shows them, and what it lets them do. The machine
 * says whose turn it is (machine.ts); nothing is decided here.
 *
 * Life: asking, one turn at a time -> stopped. Plugins in shadow mode are asked beside it, and nothing waits for them:
 * their turns end with their answers, or with their deadlines.
 */
export class InboundQuestions {
  readonly #engine: InboundEngine
  readonly #vconn: VConn
  readonly #settings: QuestionSettings
  readonly #makers: { readonly [G in Gate]: MakeFacts<G> }
  #received: Buffer[] | undefined
  #sessions: readonly Buffer[] = []
  #isTls13 = false
  /** Which of them is looked for. */
  #offered = -1
  #hasSession = false
  #sni: string | undefined
  #shown: ShownCertificate | undefined
  #chain: Pick<Chain<never>, 'stop'> | undefined

  constructor(engine: InboundEngine, vconn: VConn, settings: QuestionSettings) {
    this.#engine = engine
    this.#vconn = vconn
    this.#settings = settings
    const { askers, shadows } = settings
    if (askers.hello.length + shadows.hello.length > 0) this.#received = []
    this.#makers = {
      hello: () => toHelloFacts(this.#facts, Buffer.concat(this.#received ?? [])),
      session: asked => this.#sessionFacts(asked),
      certificate: asked => ({ use: certificate => this.#use(certificate, asked) }),
      client: () => this.#clientFacts(),
    }
  }

  /** The name that the client asks for; undefined also before its ClientHello. */
  get sni(): string | undefined {
    return this.#sni
  }

  /** What the client has shown; known when the handshake is done. Undefined without a certificate. */
  get shown(): ShownCertificate | undefined {
    return this.#shown
  }

  /** What has come from the client; until `hello` has been asked about. */
  heard(bytes: Buffer): void {
    this.#received?.push(Buffer.from(bytes))
  }

  /**
   * What there is to wait for at a stop. The plugins in shadow mode are asked about it.
   * @param deadline of the whole handshake; milliseconds since the epoch
   */
  waitsAt(stop: Stop, deadline: number): Waits {
    const waits = this.#findWaits(stop)
    for (const gate of new Set(waits)) if (gate !== 'preparation') this.#askShadows(gate, deadline)
    return waits
  }

  #findWaits(stop: Stop): Waits {
    if (stop === 'certificate') return ['certificate']
    if (stop === 'established') {
      this.#shown = shownIn(this.#engine.outcome())
      return this.#shown === undefined ? [] : ['client']
    }
    this.#sni = sniOf(this.#facts)
    this.#isTls13 = offersTls13(this.#facts)
    this.#sessions = offeredSessions(this.#facts)
    return ['hello', 'preparation', ...this.#sessions.map(() => 'session' as const)]
  }

  /** The ClientHello was accepted: tells plugins the name, and drops the bytes received so far. */
  tellName(): void {
    this.#received = undefined
    this.#settings.tellServername(Object.freeze({ vconn: this.#vconn, sni: this.#sni }))
  }

  /** Tells plugins the sessions that the handshake has made. */
  tellSessions(): void {
    const { tellSession, sessionLifetime: lifetime } = this.#settings
    const [vconn, sni] = [this.#vconn, this.#sni]
    for (const made of this.#engine.takeSessions()) tellSession({ op: 'new', vconn, sni, ...made, lifetime })
  }

  #askShadows<G extends Gate>(gate: G, deadline: number): void {
    this.#chainOf(gate).askShadows(deadline)
  }

  /**
   * Gives one plugin its turn.
   * @param deadline of the whole handshake; milliseconds since the epoch
   * @param onEnd called with its end, perhaps from within this call
   */
  ask<G extends Gate>(
    gate: G,
    continuation: number,
    deadline: number,
    onEnd: (event: InboundEvent) => void,
  ): void {
    if (gate === 'session' && continuation === 0) this.#offered++
    const chain = this.#chainOf(gate)
    this.#chain = chain
    chain.ask(continuation, deadline, end => {
      const isAccepted = end.type === 'reenabled' && end.verdict.kind === 'accept'
      if (gate === 'session' && !isAccepted) this.#forgetSession()
      onEnd(end.type === 'reenabled' ? { ...end, isSettled: this.#hasSession } : end)
    })
  }

  #chainOf<G extends Gate>(gate: G): Chain<GateEvents[G]> {
    const { askers, shadows, shadowTurns, observer } = this.#settings
    return new Chain<GateEvents[G]>(
      { askers: askers[gate], shadows: shadows[gate], shadowTurns, observer },
      { vconn: this.#vconn, about: `client ${this.#vconn.remoteAddress}` },
      (turn, isShadow) =>
        eventOf(turn, { sni: this.#sni, ...this.#makers[gate]({ turn, isShadow }) }) as GateEvents[G],
    )
  }

  /** No answer is wanted any more. */
  stop(): void {
    this.#chain?.stop()
  }

  get #facts(): HelloFacts {
    const { facts } = this.#engine
    if (facts === undefined) throw new ProxyError('PTC_INTERNAL', 'parked without a ClientHello')
    return facts
  }

  #sessionFacts({ turn, isShadow }: Asked): Omit<SessionGetEvent, keyof ParkedClient> {
    const id = this.#sessions[isShadow ? 0 : this.#offered] ?? Buffer.alloc(0)
    const wanted = { id, isTls13: this.#isTls13 }
    return {
      op: 'get',
      id: Buffer.from(id),
      provide: session => {
        if (!turn.isOpen || !isSessionBytes(session)) return false
        const bytes = new Uint8Array(session)
        if (isShadow) return isSession(bytes, wanted)
        const isGood = this.#engine.provide(bytes, wanted)
        this.#hasSession ||= isGood
        return isGood
      },
    }
  }

  /** A plugin that has provided one, and then has not accepted, has none. */
  #forgetSession(): void {
    if (this.#hasSession) this.#engine.withdraw()
    this.#hasSession = false
  }

  #use(given: unknown, { turn, isShadow }: Asked): void {
    if (!turn.isOpen)
      throw new ProxyError('PTC_PLUGIN_CALL', 'the certificate of this handshake has been chosen')
    const certificate = readCertificate(given)
    if (typeof certificate === 'string') {
      const context = this.#settings.named(certificate)
      if (context === undefined)
        throw new ProxyError(
          'PTC_PLUGIN_CALL',
          `no line of ssl_multicert.config is for ${clip(certificate, MAX_MESSAGE)}`,
        )
      if (!isShadow) this.#engine.show(context)
      return
    }
    const context = this.#settings.makeContext(certificate)
    if (!isShadow) this.#engine.show(context)
  }

  #clientFacts(): Omit<VerifyClientEvent, keyof ParkedClient> {
    const { chain, isResumed, protocol, cipher, alpn } = this.#engine.outcome()
    return { chain: Object.freeze(chain.map(certificateOf)), isResumed, protocol, cipher, alpn }
  }
}
