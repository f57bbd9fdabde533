import type { PeerEvidence } from '../../api/certificate.js'
import type { Reject } from '../../api/verdict.js'

/** A handshake with an origin that waits for a plugin. */
export interface ParkedHandshake {
  /** Of its VConn. */
  readonly id: number
  readonly port: number
  readonly evidence: PeerEvidence
  /** Who is asked. */
  readonly plugin: string
  /** Since the first plugin was asked; milliseconds. */
  readonly age: number
  /** Its connection has ended; a new one is made when all plugins have accepted. */
  readonly isReleased: boolean
  /** When silence becomes a rejection; milliseconds since the epoch. */
  readonly deadline: number
  /** Ends it in place of the plugin. There is no such way to accept. */
  readonly reject: (verdict: Reject) => void
}

/** What can say whether it is parked. */
interface Parkable {
  readonly parked: ParkedHandshake | undefined
}

/** The handshakes that are parked now, across reloads. A handshake costs it one entry, however many plugins are asked. */
export class ParkedHandshakes {
  readonly #all = new Set<Parkable>()

  get size(): number {
    return this.#all.size
  }

  add(handshake: Parkable): void {
    this.#all.add(handshake)
  }

  delete(handshake: Parkable): void {
    this.#all.delete(handshake)
  }

  /** Oldest first. */
  list(): readonly ParkedHandshake[] {
    return [...this.#all].flatMap(({ parked }) => parked ?? [])
  }

  find(id: number): ParkedHandshake | undefined {
    return this.list().find(parked => parked.id === id)
  }
}
