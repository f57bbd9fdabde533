import type { PeerEvidence } from '../../api/certificate.js'
import { SharedCache } from '../../base/shared-cache.js'
import type { SharedStore } from '../../base/shared-store.js'
import { type LeafDigests, leafDigests } from '../judge/leaf-digests.js'
import type { RecentRevocations } from '../judge/recent-revocations.js'
import type { IsRevoked } from '../judge/revocation.js'
import type { VerifiedPeer } from '../judge/verdict.js'
import { evidenceDigest } from '../judge/verdict-cache.js'
import { OutboundSession } from '../openssl/outbound-session.js'
import type { SessionAges, Shown } from './session-facts.js'

/** What the sessions of a fleet are kept in, and what takes them back. */
export interface SessionSharing {
  readonly store: SharedStore
  readonly recent: RecentRevocations
}

/** A session as it stands in the store; bytes in base64, times in milliseconds since the epoch. */
interface Item extends SessionAges {
  readonly session: string
  readonly sent: readonly string[]
  readonly protocol: string
  readonly cipher?: string | undefined
  readonly group?: string | undefined
  readonly alpn?: string | undefined
  readonly ocspResponse?: string | undefined
  readonly sctList?: string | undefined
  /** The digest of the evidence that its maker has judged. */
  readonly judged: string
  /** When the handshake began that it comes from. */
  readonly madeAt: number
  readonly endsAt: number
}

/** A session that was taken out of the store. The caller of `take` frees it. */
export interface FoundSession {
  readonly session: OutboundSession
  readonly ages: SessionAges
  readonly shown: Shown
  /** Whether it counts, now that its chain was checked here. */
  holds(evidence: PeerEvidence, port: number): boolean
}

/** What a session to be shared comes from. */
export interface SharedFrom {
  readonly peer: VerifiedPeer
  readonly port: number
  readonly madeAt: number
  readonly ages: SessionAges
  /** When it ends at the latest, milliseconds since the epoch. */
  readonly endsAt: number
}

interface Own {
  readonly id: string
  readonly host: string
  readonly leaf: LeafDigests | undefined
  readonly putAt: number
  readonly endsAt: number
}

/** Milliseconds: of one origin no more sessions are written. */
const PAUSE = 1000

/**
 * The sessions with origins that the processes of a fleet share. A reader believes of one that its maker has made a handshake
 * with the holder of this leaf. All else it judges itself, as if the origin had shown the chain now: the built-in check, whose result
 * has to be the maker's, and the plugins. So no acceptance comes out of the store, only what one can be made of.
 *
 * A session of TLS 1.3 is here or in a process, never in both, and `take` takes it out: it is offered once (RFC 8446 appendix
 * C.4). One of TLS 1.2 may be offered again, and goes back.
 */
export class SharedSessions {
  readonly #sharing: SessionSharing
  readonly #own: SharedCache<string, Own>

  /** @param max how many this process keeps there */
  constructor(sharing: SessionSharing, max: number) {
    this.#sharing = sharing
    this.#own = new SharedCache({
      max,
      dispose: ({ id, endsAt }) => {
        if (endsAt > Date.now()) sharing.store.delete('session', [id])
      },
    })
  }

  /** Whether it is worth asking now. */
  get isReady(): boolean {
    const { store } = this.#sharing
    return store.lifeOf('session') > 0 && store.readySince !== undefined
  }

  /** @param network of the client */
  async take(id: string, network: string): Promise<FoundSession | undefined> {
    const bytes = await this.#sharing.store.take('session', id)
    const item = bytes && readItem(bytes)
    if (bytes === undefined || item === undefined) return undefined
    const { session: text, sent, ocspResponse, sctList, judged, madeAt, givenAt, shownAt } = item
    const { protocol, cipher, group, alpn } = item
    const isTls13 = protocol !== 'TLSv1.2'
    const session = this.#left(item) > 0 ? OutboundSession.from(bytesOf(text), isTls13) : undefined
    if (session === undefined) return undefined
    return {
      session,
      ages: { givenAt, shownAt },
      shown: {
        sent: sent.map(bytesOf),
        protocol,
        cipher,
        group,
        alpn,
        ocspResponse: ocspResponse === undefined ? undefined : bytesOf(ocspResponse),
        sctList: sctList === undefined ? undefined : bytesOf(sctList),
      },
      holds: (evidence, port) => {
        const { store, recent } = this.#sharing
        const { readySince } = store
        const leaf = (): LeafDigests | undefined => leafDigests(evidence)
        if (readySince === undefined || evidenceDigest(evidence, port) !== judged) return false
        if (recent.beat(evidence.host, leaf, madeAt, readySince)) return false
        if (!isTls13) this.#put(id, network, bytes, evidence, item)
        return true
      },
    }
  }

  /**
   * Writes a copy of a session; the session stays with its owner.
   * @returns whether it was written
   */
  put(id: string, network: string, session: OutboundSession, from: SharedFrom): boolean {
    const { peer, port, madeAt, ages, endsAt } = from
    const { store } = this.#sharing
    // A process that was alone when the handshake began may not have heard of a revocation.
    if (!this.isReady || (store.readySince ?? Infinity) > madeAt) return false
    if ((this.#own.peek(id)?.putAt ?? -Infinity) > Date.now() - PAUSE) return false
    const bytes = session.toBytes()
    if (bytes === undefined) return false
    const { chain, protocol, cipher, group, alpn, ocspResponse, sctList } = peer.shown
    const item: Item = {
      session: bytes.toString('base64'),
      sent: chain.map(({ der }) => der.toString('base64')),
      ...{ protocol, cipher, group, alpn },
      ocspResponse: ocspResponse?.toString('base64'),
      sctList: sctList?.toString('base64'),
      judged: evidenceDigest(peer.shown, port),
      madeAt,
      endsAt,
      ...ages,
    }
    return this.#put(id, network, Buffer.from(JSON.stringify(item)), peer.evidence, item)
  }

  #put(id: string, network: string, bytes: Buffer, evidence: PeerEvidence, item: Item): boolean {
    const left = this.#left(item)
    if (!(left > 0)) return false
    const { host } = evidence
    const own = { id, host, leaf: leafDigests(evidence), putAt: Date.now(), endsAt: Date.now() + left }
    this.#own.set(id, own, network, left)
    this.#sharing.store.set('session', id, bytes, left)
    return true
  }

  /** Milliseconds that it has yet, whole. */
  #left({ endsAt, madeAt }: Item): number {
    return Math.floor(Math.min(endsAt, madeAt + this.#sharing.store.lifeOf('session')) - Date.now())
  }

  /** The origin was rejected. */
  forget(id: string): void {
    if (!this.#own.delete(id) && this.isReady) this.#sharing.store.delete('session', [id])
  }

  /** Takes out all that this process has put there. */
  close(): void {
    this.#own.clear()
  }

  /** Takes out what this process has put there about it. */
  revoke(isRevoked: IsRevoked): void {
    for (const [id, { host, leaf }] of [...this.#own.entries()])
      if (isRevoked(host, () => leaf)) this.#own.delete(id)
  }
}

const bytesOf = (text: string): Buffer => Buffer.from(text, 'base64')

/** Undefined for what another version of the proxy has made. */
function readItem(bytes: Buffer): Item | undefined {
  try {
    const item = JSON.parse(bytes.toString()) as Partial<Item> | null
    const times = [item?.madeAt, item?.endsAt, item?.givenAt, item?.shownAt]
    const sent: readonly unknown[] = Array.isArray(item?.sent) ? item.sent : [undefined]
    const texts = [item?.session, item?.protocol, item?.judged, ...sent]
    const optional = [item?.cipher, item?.group, item?.alpn, item?.ocspResponse, item?.sctList]
    const isItem =
      times.every(time => typeof time === 'number') &&
      texts.every(text => typeof text === 'string') &&
      optional.every(text => text === undefined || typeof text === 'string')
    return isItem ? (item as Item) : undefined
  } catch {
    return undefined
  }
}
