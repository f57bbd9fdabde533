import type { PeerEvidence } from '../../api/certificate.js'
import { type Accept, accept } from '../../api/verdict.js'
import { SharedCache } from '../../base/shared-cache.js'
import type { SharedStore } from '../../base/shared-store.js'
import { chainEnds } from './chain-certificate.js'
import { type LeafDigests, leafDigests } from './leaf-digests.js'
import type { RecentRevocations } from './recent-revocations.js'
import type { IsRevoked } from './revocation.js'

/** What the verdicts of a fleet are kept in, and what takes them back. */
export interface VerdictSharing {
  readonly store: SharedStore
  readonly recent: RecentRevocations
  /** When this generation read its configuration, milliseconds since the epoch: it begins with no verdict. */
  readonly since: number
}

/** A verdict of another process. */
export interface FoundVerdict {
  readonly verdict: Accept
  /** Milliseconds until it ends; at least 1. */
  readonly left: number
}

/** What stands in the store; times in milliseconds since the epoch. */
interface Item {
  /** When its plugin was asked. */
  readonly askedAt: number
  /** When it stops answering questions. */
  readonly endsAt: number
  /** When the acceptance ends, and all that rests on it. */
  readonly expiresAt?: number
}

interface Own {
  readonly id: string
  readonly host: string
  readonly leaf: LeafDigests | undefined
  readonly endsAt: number
}

/**
 * The remembered verdicts that the processes of a fleet share. An id stands for everything that an acceptance is about, as a
 * key of the cache does, with the plugins' files and options in place of the generation.
 *
 * Each process takes its own out again: when they are revoked, when it reads its configuration anew, or when a client network
 * has too many. What another process has missed is refused by its reader, see {@link RecentRevocations}.
 *
 * Life: open -> closed. A closed one finds and keeps nothing.
 */
export class SharedVerdicts {
  readonly #sharing: VerdictSharing
  /** What this process has put there. */
  readonly #own: SharedCache<string, Own>
  #isClosed = false

  /** @param max how many this process keeps there */
  constructor(sharing: VerdictSharing, max: number) {
    this.#sharing = sharing
    this.#own = new SharedCache({
      max,
      dispose: ({ id, endsAt }) => {
        if (endsAt > Date.now()) sharing.store.delete('verdict', [id])
      },
    })
  }

  /** Whether it is worth asking now. */
  get isReady(): boolean {
    const { store } = this.#sharing
    return !this.#isClosed && store.lifeOf('verdict') > 0 && store.readySince !== undefined
  }

  /** The first that counts. @param evidence what is asked about */
  async find(ids: readonly string[], evidence: PeerEvidence): Promise<FoundVerdict | undefined> {
    const items = await this.#sharing.store.get('verdict', ids)
    for (const bytes of items) {
      const found = bytes && this.#read(bytes, evidence)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** All is looked at after the answer has come: a revocation may have come meanwhile. */
  #read(bytes: Buffer, evidence: PeerEvidence): FoundVerdict | undefined {
    const { store, recent, since } = this.#sharing
    const { readySince } = store
    if (readySince === undefined || this.#isClosed) return undefined
    const item = readItem(bytes)
    if (item === undefined) return undefined
    const { askedAt, endsAt, expiresAt = Infinity } = item
    const left = Math.floor(Math.min(endsAt, expiresAt, askedAt + store.lifeOf('verdict')) - Date.now())
    if (!(left > 0 && askedAt >= since)) return undefined
    if (recent.beat(evidence.host, () => leafDigests(evidence), askedAt, readySince)) return undefined
    const verdict = expiresAt === Infinity ? accept() : Object.freeze<Accept>({ kind: 'accept', expiresAt })
    return { verdict, left }
  }

  /**
   * @param askedAt when the plugin was asked, milliseconds since the epoch
   * @param ttl milliseconds that this process remembers it
   * @param network of the client, on whose account it is
   */
  put(
    id: string,
    { expiresAt }: Accept,
    evidence: PeerEvidence,
    askedAt: number,
    ttl: number,
    network: string,
  ): void {
    const { store } = this.#sharing
    // A process that was alone when it asked may not have heard of a revocation.
    if (!this.isReady || (store.readySince ?? Infinity) > askedAt) return
    const now = Date.now()
    const endsAt = Math.min(now + ttl, chainEnds(evidence), askedAt + store.lifeOf('verdict'))
    const life = Math.floor(endsAt - now)
    if (!(life > 0)) return
    const item: Item = { askedAt, endsAt, ...(expiresAt === undefined ? {} : { expiresAt }) }
    this.#own.set(id, { id, host: evidence.host, leaf: leafDigests(evidence), endsAt }, network, life)
    store.set('verdict', id, Buffer.from(JSON.stringify(item)), life)
  }

  /** Takes out what this process has put there about it. */
  revoke(isRevoked: IsRevoked): void {
    for (const [id, { host, leaf }] of [...this.#own.entries()])
      if (isRevoked(host, () => leaf)) this.#own.delete(id)
  }

  /** Takes out all that this process has put there. */
  close(): void {
    this.#isClosed = true
    this.#own.clear()
  }
}

/** Undefined for what another version of the proxy has made. */
function readItem(bytes: Buffer): Item | undefined {
  try {
    const item = JSON.parse(bytes.toString()) as Partial<Item> | null
    const times = [item?.askedAt, item?.endsAt, item?.expiresAt ?? 0]
    return times.every(time => typeof time === 'number') ? (item as Item) : undefined
  } catch {
    return undefined
  }
}
