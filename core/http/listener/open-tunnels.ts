import { setImmediate as turn } from 'node:timers/promises'
import { asFault, doAll } from '../../base/edge.js'
import { ProxyError } from '../../base/errors.js'
import type { ClientRequest } from './client-request.js'

type Refusal = ProxyError | undefined

/**
 * Judges once more what was admitted at a time, in milliseconds since 1970: by the present users, keys, authorities and
 * rules, and as if it were still that time. @returns why it would be refused
 */
export type AdmitOpen = (req: ClientRequest, since: number) => Refusal | Promise<Refusal>

/** What judges since a reload. A new object for each reload. */
interface Review {
  readonly admit: AdmitOpen
}

/** Tunnels that are judged before other work has a turn. */
const AT_ONCE = 64

/**
 * Tunnels of clients that have logged in, or whose TLS ends at the proxy, which may demand certificates; switched protocols
 * included. No request comes in them that could be refused, so that each is judged by every reload instead.
 */
export class OpenTunnels {
  readonly #open = new Set<TunnelLogin>()
  #review: Review | undefined

  /** The login of a request that has been admitted just now, and asks for a tunnel. */
  login(req: ClientRequest): TunnelLogin {
    return new TunnelLogin(this, req, this.#review)
  }

  get review(): Review | undefined {
    return this.#review
  }

  add(login: TunnelLogin): void {
    this.#open.add(login)
  }

  delete(login: TunnelLogin): void {
    this.#open.delete(login)
  }

  /**
   * A reload: cuts the tunnels whose login it has taken away. They are judged one after another, so that a thousand tokens
   * do not fill the queue in which clients log in.
   */
  async judgeAll(admit: AdmitOpen): Promise<void> {
    this.#review = { admit }
    let judged = 0
    for (const login of [...this.#open]) {
      if (++judged % AT_ONCE === 0) await turn()
      if (this.#open.has(login)) await login.judgeOpen()
    }
  }
}

/**
 * What lets one tunnel exist.
 *
 * Life: admitted -> open, when bytes pass unread -> ended or cut. A reload before it is open is noticed by `judge`.
 */
export class TunnelLogin {
  readonly #tunnels: OpenTunnels
  readonly #req: ClientRequest
  readonly #since = Date.now()
  /** By which it was judged last. */
  #seen: Review | undefined
  #cut: ((why: ProxyError) => void) | undefined

  constructor(tunnels: OpenTunnels, req: ClientRequest, seen: Review | undefined) {
    this.#tunnels = tunnels
    this.#req = req
    this.#seen = seen
  }

  get #isJudged(): boolean {
    const { identity, client } = this.#req
    return identity !== undefined || client.handshakes.length > 0
  }

  /** Why it counts no more, where a reload has come since it was judged last. */
  judge(): Refusal | Promise<Refusal> {
    const { review } = this.#tunnels
    if (review === undefined || review === this.#seen || !this.#isJudged) return undefined
    const answer = review.admit(this.#req, this.#since)
    if (!(answer instanceof Promise)) return this.#judged(review, answer)
    return answer.then(refusal => this.#judged(review, refusal))
  }

  /** Another reload may have come meanwhile. */
  #judged(by: Review, refusal: Refusal): Refusal | Promise<Refusal> {
    this.#seen = by
    return refusal ?? this.judge()
  }

  /**
   * Bytes begin to pass.
   * @param cut ends the tunnel; called at most once, and not after the returned function
   * @returns to be called when it has ended
   */
  open(cut: (why: ProxyError) => void): () => void {
    if (!this.#isJudged) return () => {}
    this.#cut = cut
    this.#tunnels.add(this)
    void this.judgeOpen()
    return () => this.#close()
  }

  /** Cuts it if its login counts no more, or cannot be judged. */
  async judgeOpen(): Promise<void> {
    const refusal = await this.#verdict()
    const cut = this.#cut
    if (refusal === undefined || cut === undefined) return
    this.#close()
    doAll('the end of a tunnel', () => cut(refusal)) // no caller waits for it
  }

  async #verdict(): Promise<Refusal> {
    try {
      return await this.judge()
    } catch (cause) {
      return cause instanceof ProxyError ? cause : asFault('a tunnel that is judged again', cause)
    }
  }

  #close(): void {
    this.#cut = undefined
    this.#tunnels.delete(this)
  }
}
