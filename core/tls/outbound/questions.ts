import type { Asking } from '../../api/asking.js'
import type { PeerEvidence } from '../../api/certificate.js'
import type { VConn } from '../../api/vconn.js'
import type { Time } from '../../base/timer.js'
import { Chain } from '../../wait/chain.js'
import type { Turn } from '../../wait/turn.js'
import type { Again } from './completing.js'
import type { HandshakeEvent } from './machine.js'
import { ParkedEvent } from './parked-event.js'
import type { OutboundSettings } from './settings.js'

/** The plugins that are asked about an origin. */
type Asked = Pick<OutboundSettings, 'askers' | 'shadows' | 'shadowTurns' | 'observer'> & {
  /** The timers of the wait; default: Node's. */
  readonly time?: Time | undefined
}

/** What they are asked about. */
export interface OutboundSubject {
  readonly evidence: PeerEvidence
  readonly port: number
  readonly vconn: VConn
  /** Network of the client, as {@link import('../../base/network.js').networkOf} has it. */
  readonly network?: string | undefined
  /** The client and the request for which it is asked. */
  readonly asking?: Asking | undefined
  /** Where a chain can be completed. */
  readonly again?: Again | undefined
}

/**
 * What plugins are asked about one origin. The machine says whose turn it is; nothing is decided here.
 *
 * Life: asking, one turn at a time -> stopped.
 */
export class OutboundQuestions {
  readonly #asked: Asked
  readonly #subject: OutboundSubject
  readonly #chain: Chain<ParkedEvent>
  /** What the plugin received whose turn it is, or was last. */
  #event: ParkedEvent | undefined
  #isShared = false

  constructor(asked: Asked, subject: OutboundSubject) {
    const { evidence, vconn, network } = subject
    this.#asked = asked
    this.#subject = subject
    this.#chain = new Chain(asked, { vconn, about: evidence.host, network }, (turn, isShadow) =>
      this.#eventOf(turn, isShadow),
    )
  }

  /** A shared answer serves other clients too: then the event does not name the first one. */
  #eventOf(turn: Turn, isShadow: boolean): ParkedEvent {
    const { evidence, port, asking, again } = this.#subject
    if (isShadow) return new ParkedEvent(turn, evidence, port, asking, again, 'shadow')
    this.#event = this.#isShared
      ? new ParkedEvent(turn, evidence, port, undefined, again, 'shared')
      : new ParkedEvent(turn, evidence, port, asking, again)
    return this.#event
  }

  get evidence(): PeerEvidence {
    return this.#subject.evidence
  }

  /** The last turn, which may be over. */
  get turn(): Chain<ParkedEvent>['turn'] {
    return this.#chain.turn
  }

  /**
   * Gives one plugin its turn.
   * @param deadline of the whole wait; milliseconds since the epoch
   * @param onEnd called with its end, perhaps from within this call
   */
  ask(continuation: number, deadline: number, onEnd: (event: HandshakeEvent) => void): void {
    const { askers, observer } = this.#asked
    const { host, builtIn } = this.#subject.evidence
    const { plugin = '', late = 'reject', isShared = false } = askers[continuation] ?? {}
    this.#isShared = isShared
    observer.parked(plugin, host)
    this.#chain.ask(continuation, deadline, end => {
      if (end.type === 'reenabled')
        return onEnd({ type: 'reenabled', verdict: end.verdict, isForClient: this.#isForClient })
      if (end.type !== 'late') return onEnd(end)
      if (late === 'builtin') observer.late?.(plugin, host, builtIn.name)
      onEnd({ type: 'late', late })
    })
  }

  get #isForClient(): boolean {
    return this.#event !== undefined && ParkedEvent.isRead(this.#event)
  }

  /** @param deadline as for {@link ask}; a plugin's own may be earlier */
  askShadows(deadline: number): void {
    this.#chain.askShadows(deadline)
  }

  stop(): void {
    this.#chain.stop()
  }
}
