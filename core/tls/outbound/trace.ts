import { channel } from 'node:diagnostics_channel'
import type { PeerEvidence } from '../../api/certificate.js'
import type { HandshakeStep, HandshakeSteps } from '../../api/diagnostics.js'
import type { VConn } from '../../api/vconn.js'
import type { Verdict } from '../../api/verdict.js'
import type { ProxyError } from '../../base/errors.js'
import { type VerifiedPeer, VerifyRejected } from '../judge/verdict.js'
import type { TlsTarget } from './start-tls.js'

const CHANNELS = {
  start: channel('portcullis:handshake:start'),
  certificate: channel('portcullis:handshake:certificate'),
  asked: channel('portcullis:handshake:asked'),
  reenabled: channel('portcullis:handshake:reenabled'),
  granted: channel('portcullis:handshake:granted'),
  accepted: channel('portcullis:handshake:accepted'),
  rejected: channel('portcullis:handshake:rejected'),
  closed: channel('portcullis:handshake:closed'),
} as const

type StepName = keyof typeof CHANNELS
type Rest<N extends StepName> = Omit<HandshakeSteps[`portcullis:handshake:${N}`], keyof HandshakeStep>

/** Publishes the steps of one handshake. A step without subscribers costs nothing. */
export class HandshakeTrace {
  readonly #vconn: VConn
  readonly #target: TlsTarget
  readonly #began = performance.now()
  #askedAt = 0

  constructor(vconn: VConn, target: TlsTarget) {
    this.#vconn = vconn
    this.#target = target
  }

  start(): void {
    this.#publish('start', () => ({}))
  }

  certificate(evidence: PeerEvidence): void {
    this.#publish('certificate', () => ({ evidence }))
  }

  asked(plugin: string): void {
    this.#askedAt = performance.now()
    this.#publish('asked', () => ({ plugin }))
  }

  reenabled(plugin: string, verdict: Verdict): void {
    this.#publish('reenabled', () => ({ plugin, verdict, took: performance.now() - this.#askedAt }))
  }

  granted(plugin: string): void {
    this.#publish('granted', () => ({ plugin, took: performance.now() - this.#askedAt }))
  }

  accepted({ decidedBy, tolerated }: VerifiedPeer, isResumed: boolean, parked = 0): void {
    this.#publish('accepted', () => ({ decidedBy, tolerated, isResumed, parked }))
  }

  /** @param why absent: the connection is open */
  closed(why?: ProxyError): void {
    if (why instanceof VerifyRejected) this.#rejected(why)
    this.#publish('closed', () => ({ error: why?.code, took: performance.now() - this.#began }))
  }

  #rejected({ rejection: { by, plugin, name, code, detail }, parked }: VerifyRejected): void {
    this.#publish('rejected', () => ({ by, plugin, name, code, detail, parked }))
  }

  #publish<N extends StepName>(name: N, rest: () => Rest<N>): void {
    const to = CHANNELS[name]
    if (!to.hasSubscribers) return
    const { id, remoteAddress } = this.#vconn
    const { host, port } = this.#target
    to.publish({ id, host, port, remoteAddress, ...rest() })
  }
}
