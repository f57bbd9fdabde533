import { randomUUID } from 'node:crypto'
import type { HistoryRow } from '../admin/held-api.js'
import type { Asking } from '../api/asking.js'
import type { PeerEvidence } from '../api/certificate.js'
import type { Approval, ApprovalAnswer } from '../api/managed.js'
import { authorityText } from '../base/authority.js'
import { SharedCache } from '../base/shared-cache.js'
import { clip } from '../base/thrown.js'
import type { VerifiedPeer, VerifyRejected } from '../tls/judge/verdict.js'
import type { HandshakeAbout } from '../tls/outbound/observer.js'
import { grantOf } from '../tls/outbound/operator.js'
import { type Facts, keyOf, MAX_CLIENTS } from './history-rows.js'

/** Rows of each kind. */
const MAX_ROWS = 1000
/** Characters of a text. */
const MAX_TEXT = 500

type Row = { -readonly [K in keyof HistoryRow]: HistoryRow[K] }

/**
 * The last verdicts about origins, in memory. Verdicts that say the same are one row. A row is on the account of the network
 * of its client: one that asks for many origins pushes out its own rows.
 */
export class History {
  readonly #rows = {
    accepted: new SharedCache<string, Row>({ max: MAX_ROWS }),
    rejected: new SharedCache<string, Row>({ max: MAX_ROWS }),
    /** Resumed sessions. */
    resumed: new SharedCache<string, Row>({ max: MAX_ROWS }),
    /** Answers of people. */
    answered: new SharedCache<string, Row>({ max: MAX_ROWS }),
  }
  #last = 0
  /** Names this process: numbers of handshakes are unique in one process only. */
  readonly #self = randomUUID()
  /** Verdicts since the start, those of one row one by one. */
  total = 0

  /** What plugins or an operator have accepted, and what was tolerated; the built-in check alone accepts too much. */
  accepted(evidence: PeerEvidence, peer: VerifiedPeer, about: HandshakeAbout): void {
    if (!isTold(peer)) return
    this.#add('accepted', acceptance(evidence, peer, about, { question: this.#global(peer.answer) }), about)
  }

  /** A session was resumed that rests on such an acceptance. */
  resumed(peer: VerifiedPeer, about: HandshakeAbout): void {
    if (!isTold(peer)) return
    this.#add('resumed', acceptance(peer.evidence, peer, about, { resumed: true }), about)
  }

  rejected({ rejection, evidence }: VerifyRejected, about: HandshakeAbout): void {
    const { by, plugin = null, reason, name, code, detail, host, hold } = rejection
    const question = rejection.question ?? hold?.id ?? null
    const result = hold === undefined ? 'rejected' : 'postponed'
    const why = { by, plugin, reason, name, code, detail: clip(detail, MAX_TEXT), question }
    this.#add('rejected', factsOf({ result, host, port: about.port, evidence, ...why }), about)
  }

  /** A person has answered a question. @param plugin the one that has asked */
  answered(question: Approval, { verdict, who, why }: ApprovalAnswer, plugin: string): void {
    const { id, host, port, subject, sha256, builtIn, client } = question
    const result = verdict === 'accept' ? 'accepted' : 'rejected'
    const leaf = { subject: clip(subject, MAX_TEXT), sha256 }
    const about = { host, port, builtIn, leaf, plugin, question: clip(id, MAX_TEXT) }
    this.#put('answered', factsOf({ result, by: 'person', ...about, ...person(who, why) }), {
      client: clip(client, MAX_TEXT),
      network: '',
      held: 0,
      counts: 0,
    })
  }

  /** An operator has accepted in the place of a plugin. */
  granted(
    evidence: PeerEvidence,
    plugin: string,
    by: Pick<ApprovalAnswer, 'who' | 'why'>,
    about: Granted,
  ): void {
    const { host } = evidence
    const said = { plugin, question: this.#global(grantOf(about.id)), ...person(by.who, by.why) }
    const facts = factsOf({ result: 'accepted', by: 'operator', host, port: about.port, evidence, ...said })
    const client = clientText(about.asking)
    this.#put('answered', facts, { client, network: '', held: about.held, counts: 0 })
  }

  /** As they were put down; `times` of an answer is 0. */
  list(): readonly HistoryRow[] {
    return Object.values(this.#rows).flatMap(rows => [...rows.entries()].map(([, row]) => ({ ...row })))
  }

  #global(answer: string | undefined): string | null {
    if (answer === undefined) return null
    return answer.includes(' ') ? `${answer} ${this.#self}` : answer
  }

  #add(kind: 'accepted' | 'rejected' | 'resumed', facts: Facts, about: HandshakeAbout): void {
    const { asking, network, held } = about
    this.#put(kind, facts, { client: clientText(asking), network, held, counts: 1 })
  }

  #put(
    kind: 'accepted' | 'rejected' | 'resumed' | 'answered',
    facts: Facts,
    { client, network, held, counts }: Put,
  ): void {
    this.total += 1
    const rows = this.#rows[kind]
    const key = keyOf(facts)
    const now = Date.now()
    const known = rows.get(key, network)
    if (known === undefined) {
      const command = `portcullis try ${authorityText(facts.host, facts.port)}`
      const clients = client === null ? [] : [client]
      const times = { times: counts, since: now, last: now, held }
      rows.set(key, { ...facts, ...times, client, clients, id: ++this.#last, command }, network)
      return
    }
    if (client !== null && known.clients.at(-1) !== client)
      known.clients = [...known.clients.filter(one => one !== client), client].slice(-MAX_CLIENTS)
    known.client = client
    known.held = held
    known.times += counts
    known.last = now
    // What is no part of the key.
    known.reason = facts.reason
    known.code = facts.code
    known.detail = facts.detail
    known.why = facts.why
    known.builtIn = facts.builtIn
    known.leaf = facts.leaf
  }
}

interface Put {
  readonly client: string | null
  readonly network: string
  readonly held: number
  /** Handshakes that it stands for. */
  readonly counts: 0 | 1
}

const isTold = ({ decidedBy, tolerated }: VerifiedPeer): boolean =>
  decidedBy === 'plugins' || tolerated.length > 0

/** What a grant is about. */
export interface Granted {
  /** The id of the handshake. */
  readonly id: number
  readonly port: number
  readonly asking: Asking | undefined
  /** Milliseconds. */
  readonly held: number
}

type Said = Pick<Facts, 'result' | 'by' | 'host' | 'port'> &
  Partial<Facts> & {
    readonly evidence?: PeerEvidence | undefined
  }

/** One literal, because it is made for every handshake (docs/performance.md says what a spread costs). */
function factsOf(said: Said): Facts {
  const { evidence } = said
  return {
    result: said.result,
    by: said.by,
    plugin: said.plugin ?? null,
    host: said.host,
    port: said.port,
    reason: said.reason ?? null,
    name: said.name ?? null,
    code: said.code ?? null,
    detail: said.detail ?? '',
    who: said.who ?? null,
    why: said.why ?? null,
    question: said.question ?? null,
    resumed: said.resumed ?? false,
    builtIn: evidence === undefined ? (said.builtIn ?? null) : evidence.builtIn.name,
    leaf: evidence === undefined ? (said.leaf ?? null) : leafOf(evidence),
  }
}

const acceptance = (
  evidence: PeerEvidence,
  { decidedBy: by }: VerifiedPeer,
  { port, plugin }: HandshakeAbout,
  { question = null, resumed = false }: Partial<Pick<Facts, 'question' | 'resumed'>>,
): Facts =>
  factsOf({
    result: 'accepted',
    by,
    plugin: plugin ?? null,
    host: evidence.host,
    port,
    evidence,
    question,
    resumed,
  })

function leafOf({ chain: [leaf] }: PeerEvidence): Facts['leaf'] {
  const { subject, sha256 } = leaf ?? { subject: '', sha256: '' }
  return { subject: clip(subject, MAX_TEXT), sha256 }
}

const person = (who: string, why: string | undefined): Pick<Facts, 'who' | 'why'> => ({
  who: clip(who, MAX_TEXT),
  why: why === undefined ? null : clip(why, MAX_TEXT),
})

/** `alice@192.0.2.1`, or the address alone; null where the proxy asks for itself. */
export function clientText(asking: Asking | undefined): string | null {
  if (asking === undefined) return null
  const { user, subject, address } = asking.client
  const name = user ?? subject
  return clip(name === undefined ? address : `${name}@${address}`, MAX_TEXT)
}
