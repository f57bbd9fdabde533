import { createHash } from 'node:crypto'
import type { BuiltInResult, PeerEvidence } from '../../api/certificate.js'
import { type Accept, accept, type VerdictScope } from '../../api/verdict.js'
import { SharedCache } from '../../base/shared-cache.js'
import { type IsRevoked, type LeafDigests, leafDigests } from './revocation.js'

/** What a plugin is asked, as far as an answer may be remembered for it. */
export interface Question {
  /** Which continuation of which plugin, of which generation. */
  readonly asked: string
  /** Digest of the policy that the origin is judged by. */
  readonly policy: string
  readonly evidence: PeerEvidence
  readonly port: number
  /** Of the client for which it is asked, as {@link import('../../base/network.js').networkOf} has it. */
  readonly network: string
}

/** A remembered acceptance, for those who manage the proxy. */
export interface RememberedVerdict {
  readonly key: string
  readonly host: string
  readonly asked: string
  readonly scope: VerdictScope
  /** When it is forgotten; milliseconds since the epoch. */
  readonly endsAt: number
}

interface Entry extends Omit<RememberedVerdict, 'key' | 'endsAt'> {
  readonly verdict: Accept
  readonly leaf: LeafDigests | undefined
}

const SCOPES: readonly VerdictScope[] = ['chain', 'host']

/**
 * Acceptances that plugins allowed to be remembered. Rejections never are. Each counts for the client network that it was
 * asked for.
 *
 * A key is made of everything that the acceptance was about: the continuation asked, the policy, the host, what the
 * built-in check said, and the chain (scope `chain`, with the port) or its leaf (scope `host`). Whatever changes, the old
 * answer is out of reach.
 */
export class VerdictCache {
  readonly #entries: SharedCache<string, Entry>
  /** On the clock of `performance.now()`. */
  #lastRevocation = -1
  #revocations = 0

  constructor(max: number) {
    this.#entries = new SharedCache({ max })
  }

  get size(): number {
    return this.#entries.size
  }

  /** How many revocations there have been: who asks after one is not answered with those who asked before it. */
  get revocations(): number {
    return this.#revocations
  }

  find(question: Question): Accept | undefined {
    if (this.#entries.size === 0) return undefined
    for (const scope of SCOPES) {
      const entry = this.#entries.get(keyOf(question, scope), question.network)
      if (entry !== undefined) return entry.verdict
    }
    return undefined
  }

  /**
   * Remembers an acceptance for as long as its plugin allows.
   * @param since when the plugin was asked, on the clock of `performance.now()`: what was asked before a revocation
   *   may rest on what was revoked
   */
  put(question: Question, { cacheFor, scope = 'chain', expiresAt }: Accept, since: number): void {
    if (cacheFor === undefined || since <= this.#lastRevocation) return
    const ttl = Math.floor(Math.min(cacheFor, expiresAt === undefined ? Infinity : expiresAt - Date.now()))
    if (!(ttl > 0)) return
    const verdict = expiresAt === undefined ? accept() : Object.freeze<Accept>({ kind: 'accept', expiresAt })
    const { asked, evidence } = question
    const entry = { verdict, asked, scope, host: evidence.host, leaf: leafDigests(evidence) }
    this.#entries.set(keyOf(question, scope), entry, question.network, ttl)
  }

  /** Forgets the acceptances that are revoked. Returns how many there were. */
  revoke(isRevoked: IsRevoked): number {
    this.#lastRevocation = performance.now()
    this.#revocations += 1
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

/**
 * The key of a question that one answer may serve for all who ask it at the same time: everything a plugin is shown,
 * but the connection and the moment.
 * @param revocations how many there have been when it is asked
 */
export function sharedKeyOf({ asked, policy, evidence, port }: Question, revocations: number): string {
  return digest([asked, policy, revocations, ...shownOf(evidence, port)])
}

/** A digest of everything that a plugin is shown of an origin, but the connection and the moment. */
export function evidenceDigest(evidence: PeerEvidence, port: number): string {
  return digest(shownOf(evidence, port))
}

function shownOf(evidence: PeerEvidence, port: number): readonly unknown[] {
  const { chain, builtChain, ocspResponse, protocol, cipher, group, alpn } = evidence
  const stapled = ocspResponse && createHash('sha256').update(ocspResponse).digest('base64url')
  return [
    ...checkedOf(evidence),
    digests(chain),
    digests(builtChain),
    port,
    stapled,
    protocol,
    cipher,
    group,
    alpn,
  ]
}

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
