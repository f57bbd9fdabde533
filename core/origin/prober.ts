// Longer than 250 lines because what a tunnel rests on, and what ends that, are one concept.

/**
 * Verifies origins for tunnels: a handshake of the proxy's own, whose verdict holds for a while for the same name at the
 * same address. A tunnel then goes to the very address that was verified, not to the name, which may resolve anew.
 */

import type { Current } from '../base/current.js'
import { lookedUp } from '../base/lookups.js'
import { SharedCache } from '../base/shared-cache.js'
import { after } from '../base/timer.js'
import { chainEnds } from '../tls/judge/chain-certificate.js'
import { type LeafDigests, leafDigests } from '../tls/judge/leaf-digests.js'
import { toNames } from '../tls/judge/names.js'
import type { IsRevoked } from '../tls/judge/revocation.js'
import type { RevocationLog } from '../tls/judge/revocation-log.js'
import type { VerifiedPeer } from '../tls/judge/verdict.js'
import type { StartTls, TlsOrigin, TlsTarget } from '../tls/outbound/start-tls.js'
import { LINGER } from '../vconn/linger.js'
import { endGently } from '../vconn/link.js'
import type { OriginLink } from '../vconn/origin-link.js'
import { unlessAborted } from './dial.js'
import { hasEndedSince } from './ended.js'
import { holdingWay } from './parents/holding.js'
import { again, type ReachOptions } from './parents/reach.js'
import { placeOf, placeText } from './parents/way.js'

export interface ProberOptions {
  readonly dial: Current<ReachOptions>
  readonly startTls: StartTls
  /** The digest of everything that shapes the verdict about this host: a verdict never outlives it. */
  readonly policyDigest: (host: string) => string
  /** What a handshake for this host announces when nothing else is wanted: by default the host, unless it is an address. */
  readonly announcedFor?: (host: string) => string | undefined
  /** How long an acceptance holds, in milliseconds; 0 has every tunnel verified on its own. */
  readonly ttl: Current<number>
  /** Verdicts that are kept; default: 10,000. */
  readonly maxKnown?: number
  /** What was revoked lately. */
  readonly revocations: RevocationLog
}

/** What is kept of an accepted origin. */
export interface Acceptance {
  /** SHA-256 of the leaf that the origin showed. */
  readonly leafSha256: string
  readonly subject: string | undefined
  readonly issuer: string | undefined
  readonly decidedBy: VerifiedPeer['decidedBy']
  /** The names of what the built-in check found wrong, and what did not bind. */
  readonly tolerated: readonly string[]
  /** With its verdict or a certificate of its chain; milliseconds since the epoch. */
  readonly endsAt: number
}

/** A connection on which nothing was sent yet, to an address whose origin was accepted under a name. */
export interface VerifiedAddress {
  readonly tcp: OriginLink
  readonly acceptance: Acceptance
  /** The name that was announced. */
  readonly announced: string | undefined
  /** Milliseconds that plugins held the handshake; 0 when its verdict was known. */
  readonly parked: number
  /** Has the next tunnel verified again. */
  readonly forget: () => void
  /** Whether the acceptance was not revoked, and the policy is the same. */
  readonly stands: () => boolean
  /**
   * Whether a tunnel that has waited since may pass: its acceptance, and that of a parent, was not revoked, the policy is the same, the address is not denied, and the acceptance, with that of a parent, has not ended meanwhile. One that had
   * ended before was given for this tunnel alone.
   */
  readonly holds: () => boolean
}

/** About 600 bytes each. */
const MAX_KNOWN = 10_000

/** Milliseconds without a byte of an origin after which it may be one that does not speak TLS. */
const SILENT = 5000

/** An acceptance, and whose it is. */
interface Known {
  readonly acceptance: Acceptance
  readonly host: string
  readonly leaf: LeafDigests | undefined
}

interface Outcome extends Pick<Known, 'acceptance' | 'leaf'> {
  readonly parked: number
  /** How many revocations there had been when it was accepted. */
  readonly revocations: number
}

interface Probe {
  readonly key: string
  readonly outcome: Promise<Outcome>
  readonly abort: AbortController
  /** The connection of the handshake. */
  readonly tcp: OriginLink
  /** Tunnels that wait for it; without any it is given up. */
  waiting: number
}

/** Stores acceptances only. A rejection goes to all tunnels that wait for it, and the next tunnel asks again. */
export class Prober {
  readonly #options: ProberOptions
  /** On the account of the clients' networks: one that opens many tunnels pushes out its own. */
  readonly #known: SharedCache<string, Known>
  /** Handshakes that tunnels of the same client can join; of one client, because plugins may decide by client. */
  readonly #inFlight = new Map<string, Probe>()

  constructor(options: ProberOptions) {
    this.#options = options
    this.#known = new SharedCache({ max: options.maxKnown ?? MAX_KNOWN })
  }

  /** The number of handshakes in flight that can be joined. */
  get probes(): number {
    return this.#inFlight.size
  }

  /**
   * Has the origin at the other end of `tcp` judged under a name, unless that verdict is known. `tcp` is used up by it,
   * or returned.
   * @param target `since`: when `tcp` was begun, if that was for this name
   * @param onSilent called once where the origin has not sent a byte for 5 s; its answer is still awaited
   * @throws {ProxyError} of the handshake, of the second dial, or the signal's reason
   */
  async verify(
    tcp: OriginLink,
    target: TlsTarget,
    signal: AbortSignal,
    onSilent?: () => void,
  ): Promise<VerifiedAddress> {
    const { host, port } = target
    const place = placeText(placeOf(tcp))
    const announced = this.#announcedBy(target)
    const as = JSON.stringify(announced ?? null)
    const keyNow = (): string => `${host}:${port} ${place} as ${as} ${this.#options.policyDigest(host)}`
    const key = keyNow()
    const forget = (): void => void this.#known.delete(key)
    const known = lookedUp('addresses', this.#find(key, target.client))
    const isSameKey = (): boolean => key === keyNow()
    if (known !== undefined) {
      const outcome = { ...known, parked: 0, revocations: this.#options.revocations.count }
      const holding = this.#holding(host, outcome, tcp, isSameKey)
      return { tcp, acceptance: known.acceptance, announced, parked: 0, forget, ...holding }
    }
    const outcome = await this.#judged(key, tcp, target, signal, onSilent)
    const next = await again(tcp, destinationOf(target), this.#options.dial, signal)()
    const holding = this.#holding(host, outcome, next, isSameKey)
    const { acceptance, parked } = outcome
    return { tcp: next, acceptance, parked, announced, forget, ...holding }
  }

  /**
   * For a tunnel that waits from now on. A request is held to the same: parent and address of its connection.
   * @param host of the origin
   */
  #holding(
    host: string,
    { acceptance: { endsAt }, leaf, revocations }: Outcome,
    tcp: OriginLink,
    isSameKey: () => boolean,
  ): Pick<VerifiedAddress, 'stands' | 'holds'> {
    const since = Date.now()
    const wayHolds = holdingWay(tcp, this.#options)
    const stands = (): boolean =>
      !this.#options.revocations.hasRevoked(revocations, host, () => leaf) && isSameKey()
    return { stands, holds: () => stands() && !hasEndedSince(since, endsAt) && wayHolds() }
  }

  /** Of a handshake that was joined, an acceptance for once serves the tunnel that began it: the others have their own. */
  async #judged(
    key: string,
    tcp: OriginLink,
    target: TlsTarget,
    signal: AbortSignal,
    onSilent: (() => void) | undefined,
  ): Promise<Outcome> {
    const probe = this.#probe(key, tcp, target)
    const outcome = await this.#wait(probe, signal, onSilent)
    if (probe.tcp === tcp || outcome.acceptance.endsAt > Date.now()) return outcome
    const next = await again(tcp, destinationOf(target), this.#options.dial, signal)()
    const alone = { ...target, since: performance.now() }
    return this.#wait(this.#begin('', key, next, alone), signal, onSilent)
  }

  /** The cache measures with a clock that stands still while the machine is suspended. */
  #find(key: string, network: string): Known | undefined {
    const known = this.#known.get(key, network)
    return known !== undefined && known.acceptance.endsAt > Date.now() ? known : undefined
  }

  #announcedBy({ host, announce }: TlsTarget): string | undefined {
    if (announce !== undefined) return announce ?? undefined
    const { announcedFor } = this.#options
    return announcedFor === undefined ? toNames(host).sni : announcedFor(host)
  }

  /**
   * Forgets the revoked acceptances. Handshakes in flight cannot be joined any more, and their acceptances are not stored.
   * Returns how many were forgotten.
   */
  revoke(isRevoked: IsRevoked): number {
    this.#inFlight.clear()
    const gone = [...this.#known.entries()].filter(([, { host, leaf }]) => isRevoked(host, () => leaf))
    for (const [key] of gone) this.#known.delete(key)
    return gone.length
  }

  #probe(key: string, tcp: OriginLink, target: TlsTarget): Probe {
    const joint = JSON.stringify([target.client, target.asking?.client, key])
    const inFlight = this.#inFlight.get(joint)
    if (inFlight !== undefined) {
      tcp.destroy() // by the time the verdict is there the origin may have closed it
      return inFlight
    }
    const probe = this.#begin(joint, key, tcp, target)
    this.#inFlight.set(joint, probe)
    return probe
  }

  /** @param joint under what it can be joined; '' if it cannot */
  #begin(joint: string, key: string, tcp: OriginLink, target: TlsTarget): Probe {
    const abort = new AbortController()
    const since = this.#options.revocations.count
    const redial = again(tcp, destinationOf(target), this.#options.dial, abort.signal)
    const handshake = this.#options.startTls(tcp, { ...target, isProbe: true, redial }, abort.signal)
    const outcome = handshake
      .then(origin => {
        endGently(origin.link, LINGER, LINGER)
        return this.#keep(key, target, origin, since)
      })
      .finally(() => this.#over(probe))
    const probe: Probe = { key: joint, outcome, abort, tcp, waiting: 0 }
    return probe
  }

  async #wait(probe: Probe, signal: AbortSignal, onSilent: (() => void) | undefined): Promise<Outcome> {
    probe.waiting += 1
    const fault = new AbortController()
    const look = (): void => {
      if (!probe.tcp.hasReceived) onSilent?.()
    }
    const timer = after(SILENT, look, why => fault.abort(why))
    try {
      return await unlessAborted(unlessAborted(probe.outcome, signal), fault.signal)
    } finally {
      clearTimeout(timer)
      probe.waiting -= 1
      if (probe.waiting === 0) {
        this.#over(probe) // it cannot be joined any more
        probe.abort.abort() // reaches nothing when the handshake has ended
      }
    }
  }

  #over(probe: Probe): void {
    if (this.#inFlight.get(probe.key) === probe) this.#inFlight.delete(probe.key)
  }

  /** @param since how many revocations there were when the origin began to be judged */
  #keep(
    key: string,
    { host, client }: TlsTarget,
    { peer, revocations, parked = 0 }: TlsOrigin,
    since: number,
  ): Outcome {
    const { expiresAt = Number.POSITIVE_INFINITY, decidedBy, tolerated } = peer
    const [shown] = peer.evidence.chain
    const endsAt = Math.min(chainEnds(peer.evidence), expiresAt)
    const acceptance = {
      leafSha256: shown?.sha256 ?? '',
      subject: shown?.subject,
      issuer: shown?.issuer,
      decidedBy,
      tolerated: tolerated.map(({ name }) => name),
      endsAt,
    }
    const leaf = leafDigests(peer.evidence)
    const ttl = Math.floor(Math.min(this.#options.ttl(), endsAt - Date.now()))
    if (ttl > 0 && !peer.isForClient && !this.#options.revocations.hasRevoked(since, host, () => leaf))
      this.#known.set(key, { acceptance, host, leaf }, client, ttl)
    return { acceptance, leaf, parked, revocations }
  }
}

const destinationOf = ({ host: name, port, client, asking, from }: TlsTarget) => ({
  name,
  port,
  client,
  asking,
  from,
})
