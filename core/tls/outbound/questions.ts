import type { PeerEvidence } from '../../api/certificate.js'
import type { VConn } from '../../api/vconn.js'
import type { Time } from '../../base/time.js'
import { Chain } from '../../wait/chain.js'
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

  constructor(asked: Asked, subject: OutboundSubject) {
    const { evidence, port, vconn } = subject
    this.#asked = asked
    this.#subject = subject
    this.#chain = new Chain(
      asked,
      { vconn, about: evidence.host },
      turn => new ParkedEvent(turn, evidence, port),
    )
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
   * @param onEnd hears how it ended, perhaps from within this call
   */
  ask(hook: number, deadline: number, onEnd: (event: HandshakeEvent) => void): void {
    const { askers, observer } = this.#asked
    const { host, builtIn } = this.#subject.evidence
    const { plugin = '', late = 'reject' } = askers[hook] ?? {}
    observer.parked(plugin, host)
    this.#chain.ask(hook, deadline, end => {
      // Its handshake ends with it: what the plugin has begun is not wanted any more.
      if (end.type === 'plugin-failed') this.turn?.endSignal()
      if (end.type !== 'late') return onEnd(end)
      if (late === 'builtin') observer.late?.(plugin, host, builtIn.name)
      onEnd({ type: 'late', late })
    })
  }

  /** @param deadline as for {@link ask}; a plugin's own may be earlier */
  askShadows(deadline: number): void {
    this.#chain.askShadows(deadline)
  }

  stop(): void {
    this.#chain.stop()
  }
}
