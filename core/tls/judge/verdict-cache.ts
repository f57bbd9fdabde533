import { createHash } from 'node:crypto'
import type { BuiltInResult, PeerEvidence } from '../../api/certificate.js'
import { type Accept, accept, type VerdictScope } from '../../api/verdict.js'
import { lookedUp } from '../../base/lookups.js'
import { SharedCache } from '../../base/shared-cache.js'
import { type LeafDigests, leafDigests } from './leaf-digests.js'
import type { IsRevoked } from './revocation.js'
import { SharedVerdicts, type VerdictSharing } from './shared-verdicts.js'

/** The part of a plugin's question that decides whether an answer may be reused. */
export interface Question {
  /** The continuation: plugin, place, generation. */
  readonly asked: string
  /** Digest of the policy of the origin. */
  readonly policy: string
  /** The same for all processes of a fleet that have the same policy and plugins; undefined: its answer is not shared. */
  readonly fleetPolicy?: string | undefined
  readonly evidence: PeerEvidence
  readonly port: number
  /** The network of the client for which it is asked, as {@link import('../../base/network.js').networkOf} has it. */
  readonly network: string
}

/** A remembered acceptance, for the management API. */
export interface RememberedVerdict {
  readonly key: string
  readonly host: string
  readonly asked: string
  readonly scope: VerdictScope
  /** When it ends; milliseconds since the epoch. */
  readonly endsAt: number
}

/** What another process remembers. */
export interface Found {
  readonly verdict: Accept
  /** How many revocations there had been when it was found: several questions may wait for it, and one may revoke it. */
  readonly revocations: number
}

interface Entry extends Omit<RememberedVerdict, 'key' | 'endsAt'> {
  readonly verdict: Accept
  readonly leaf: LeafDigests | undefined
}

const SCOPES: readonly VerdictScope[] = ['chain', 'host']
/** Milliseconds for which a verdict of another process is remembered here: it may take it out of the store. */
const SECOND_HAND = 60_000

/**
 * Acceptances that plugins allowed to be remembered. Rejections never are. Each counts for the client network that it was
 * asked for.
 *
 * A key contains everything that the acceptance was about: the continuation, the policy, the host, the result of the
 * built-in check, and the chain (scope `chain`, with the port) or its leaf (scope `host`). After any change, the old answer
 * cannot be found.
 */
export class VerdictCache {
  readonly #entries: SharedCache<string, Entry>
  readonly #shared: SharedVerdicts | undefined
  /** Questions to the store of a fleet, by their key. */
  readonly #asking = new Map<string, Promise<Found | undefined>>()
  /** On the clock of `performance.now()`. */
  #lastRevocation = -1
  #revocations = 0

  /** @param sharing with the other processes of a fleet */
  constructor(max: number, sharing?: VerdictSharing) {
    this.#entries = new SharedCache({ max })
    this.#shared = sharing && new SharedVerdicts(sharing, max)
  }

  get size(): number {
    return this.#entries.size
  }

  /** The number of revocations so far: a question after one never shares the answer of a question before it. */
  get revocations(): number {
    return this.#revocations
  }

  find(question: Question): Accept | undefined {
    return lookedUp('verdicts', this.#find(question))
  }

  #find(question: Question): Accept | undefined {
    if (this.#entries.size === 0) return undefined
    for (const scope of SCOPES) {
      const verdict = this.#entries.get(keyOf(question, scope), question.network)?.verdict
      // The cache measures with a clock that stands still while the machine is suspended.
      if (verdict !== undefined && (verdict.expiresAt ?? Infinity) > Date.now()) return verdict
    }
    return undefined
  }

  /** What another process of the fleet remembers; undefined where none can be asked. Never rejected. */
  findShared(question: Question): Promise<Found | undefined> | undefined {
    if (this.#shared?.isReady !== true || question.fleetPolicy === undefined) return undefined
    const key = keyOf(question, 'chain')
    const known = this.#asking.get(key)
    if (known !== undefined) return known
    const asking = this.#findShared(this.#shared, question).finally(() => this.#asking.delete(key))
    this.#asking.set(key, asking)
    return asking
  }

  async #findShared(shared: SharedVerdicts, question: Question): Promise<Found | undefined> {
    const since = performance.now()
    const ids = SCOPES.map(scope => fleetKeyOf(question, scope))
    const found = lookedUp('fleet_verdicts', await shared.find(ids, question.evidence))
    if (found === undefined || since <= this.#lastRevocation) return undefined
    const { verdict, left } = found
    this.#keep(question, verdict, 'chain', Math.min(left, SECOND_HAND))
    return { verdict, revocations: this.#revocations }
  }

  /**
   * Remembers an acceptance for as long as its plugin allows.
   * @param since when the plugin was asked, on the clock of `performance.now()`: an answer to a question before a
   *   revocation may rest on what was revoked
   */
  put(question: Question, { cacheFor, scope = 'chain', expiresAt }: Accept, since: number): void {
    if (cacheFor === undefined || since <= this.#lastRevocation) return
    const ttl = Math.floor(Math.min(cacheFor, expiresAt === undefined ? Infinity : expiresAt - Date.now()))
    if (!(ttl > 0)) return
    const verdict = expiresAt === undefined ? accept() : Object.freeze<Accept>({ kind: 'accept', expiresAt })
    this.#keep(question, verdict, scope, ttl)
    const { evidence, network, fleetPolicy } = question
    if (fleetPolicy === undefined) return
    const askedAt = Date.now() - (performance.now() - since)
    this.#shared?.put(fleetKeyOf(question, scope), verdict, evidence, askedAt, ttl, network)
  }

  #keep(question: Question, verdict: Accept, scope: VerdictScope, ttl: number): void {
    const { asked, evidence, network } = question
    const entry = { verdict, asked, scope, host: evidence.host, leaf: leafDigests(evidence) }
    this.#entries.set(keyOf(question, scope), entry, network, ttl)
  }

  /** What it has put into the store of a fleet goes, and nothing more is asked there. Safe to call twice. */
  stopSharing(): void {
    this.#shared?.close()
  }

  /** Removes the revoked acceptances. Returns how many there were. */
  revoke(isRevoked: IsRevoked): number {
    this.#lastRevocation = performance.now()
    this.#revocations += 1
    this.#shared?.revoke(isRevoked)
    const gone = [...this.#entries.entries()].filter(([key, { host, leaf }]) =>
      isRevoked(host, () => leaf, key),
    )
    for (const [key] of gone) this.#entries.delete(key)
    return gone.length
  }

  /** The host that an acceptance is about, by a key of {@link list}. */
  hostOf(key: string): string | undefined {
    return this.#entries.peek(key)?.host
  }

  list(): readonly RememberedVerdict[] {
    return [...this.#entries.entries()].map(([key, { host, asked, scope }]) => {
      const endsAt = Math.ceil(Date.now() + this.#entries.timeLeft(key))
      return { key, host, asked, scope, endsAt }
    })
  }
}

function keyOf({ asked, policy, evidence, port }: Question, scope: VerdictScope): string {
  const { chain, builtChain } = evidence
  const shown = scope === 'chain' ? [digests(chain), digests(builtChain), port] : chain[0]?.sha256
  return digest([asked, policy, ...checkedOf(evidence), scope, shown])
}

/** The same on every machine of a fleet. */
const fleetKeyOf = (question: Question, scope: VerdictScope): string =>
  keyOf({ ...question, policy: question.fleetPolicy ?? '' }, scope)

/**
 * The key under which simultaneous questions share one answer: everything that a plugin is shown, except the connection
 * and the time.
 * @param revocations the number of revocations before the question
 */
export function sharedKeyOf({ asked, policy, evidence, port }: Question, revocations: number): string {
  return digest([asked, policy, revocations, ...shownOf(evidence, port)])
}

/** A digest of everything that a plugin is shown of an origin, except the connection and the time. */
export function evidenceDigest(evidence: PeerEvidence, port: number): string {
  return digest(shownOf(evidence, port))
}

function shownOf(evidence: PeerEvidence, port: number): readonly unknown[] {
  const { chain, builtChain, ocspResponse, sctList, protocol, cipher, group, alpn } = evidence
  return [
    ...checkedOf(evidence),
    digests(chain),
    digests(builtChain),
    port,
    hashOf(ocspResponse),
    hashOf(sctList),
    protocol,
    cipher,
    group,
    alpn,
  ]
}

const hashOf = (bytes: Buffer | undefined): string | undefined =>
  bytes && createHash('sha256').update(bytes).digest('base64url')

function checkedOf({ host, sni, builtIn, checks }: PeerEvidence): readonly unknown[] {
  return [
    host,
    sni ?? null,
    kindOf(builtIn),
    kindOf(checks.signature),
    kindOf(checks.name),
    checks.rule && kindOf(checks.rule),
  ]
}

const kindOf = ({ code, depth }: BuiltInResult): readonly number[] => [code, depth]

function digests(chain: PeerEvidence['chain']): readonly string[] {
  return chain.map(({ sha256 }) => sha256)
}

function digest(parts: readonly unknown[]): string {
  return createHash('sha256')
    .update(JSON.stringify(parts.map(part => part ?? null)))
    .digest('base64url')
}
