import { ProxyError } from '../../base/errors.js'
import type { HostedPeers, JoinedPeer } from '../services/peers.js'
import type { WorkerLink } from './worker-link.js'

/** What is kept for a worker while it loads: messages, and their characters. */
const MAX_EARLY = 10_000
const MAX_EARLY_CHARACTERS = 67_108_864

interface Peer {
  readonly joined: JoinedPeer
  /** Messages that were sent while the worker loads, after its plugin may have read its state. Undefined once it serves. */
  early: string[] | undefined
}

/** In the proxy: the workers of a plugin, each of which is an instance with peers. */
export class WorkerPeers {
  readonly #peers: HostedPeers
  readonly #nextSeq: () => number
  readonly #all = new Map<WorkerLink, Peer>()

  constructor(peers: HostedPeers, nextSeq: () => number) {
    this.#peers = peers
    this.#nextSeq = nextSeq
  }

  /** The worker was started: from now on it gets every message. */
  enter(link: WorkerLink): void {
    let characters = 0
    const peer: Peer = {
      early: [],
      joined: this.#peers.join(async text => {
        if (peer.early === undefined) return await this.#tell(link, text)
        characters += text.length
        if (peer.early.length < MAX_EARLY && characters <= MAX_EARLY_CHARACTERS) peer.early.push(text)
        else link.giveUp('too much was told by its peers while it was loaded')
      }),
    }
    this.#all.set(link, peer)
  }

  /** The worker is loaded: it gets the messages that were kept, before its plugin is asked anything. */
  begin(link: WorkerLink): void {
    const peer = this.#all.get(link)
    const early = peer?.early ?? []
    if (peer !== undefined) peer.early = undefined
    for (const text of early) void this.#tell(link, text)
  }

  leave(link: WorkerLink): void {
    this.#all.get(link)?.joined.leave()
    this.#all.delete(link)
  }

  leaveAll(): void {
    for (const link of [...this.#all.keys()]) this.leave(link)
  }

  /** What a worker tells the others. @throws {ProxyError} PTC_PLUGIN_CALL */
  async send(link: WorkerLink, text: unknown): Promise<void> {
    const peer = this.#all.get(link)
    if (peer === undefined) throw new ProxyError('PTC_PLUGIN_CALL', 'the plugin has been unloaded')
    await peer.joined.send(text)
  }

  #tell(link: WorkerLink, text: string): Promise<void> {
    return new Promise(resolve => link.send({ do: 'peer', seq: this.#nextSeq(), text }, resolve))
  }
}
