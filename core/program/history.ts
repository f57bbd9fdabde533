import type { HistoryFilter, HistoryRow } from '../admin/held-api.js'
import type { Asking } from '../api/asking.js'
import type { PeerEvidence } from '../api/certificate.js'
import type { Approval, ApprovalAnswer } from '../api/managed.js'
import { authorityText } from '../base/authority.js'
import { SharedCache } from '../base/shared-cache.js'
import { clip } from '../base/thrown.js'
import type { VerifiedPeer, VerifyRejected } from '../tls/judge/verdict.js'
import type { HandshakeAbout } from '../tls/outbound/observer.js'

/** Rows of each kind: acceptances, rejections, answers of people. */
const MAX_ROWS = 1000
/** Clients that are named in one row. */
const MAX_CLIENTS = 10
/** Characters of a text. */
const MAX_TEXT = 500

type Row = { -readonly [K in keyof HistoryRow]: HistoryRow[K] }
/** What is the same in all verdicts of a row. */
type Facts = Omit<HistoryRow, 'id' | 'client' | 'clients' | 'times' | 'since' | 'last' | 'held' | 'command'>

/**
 * The last verdicts about origins, in memory. Verdicts that say the same are one row. A row is on the account of the network
 * of its client: one that asks for many origins pushes out its own rows.
 */
export class History {
  readonly #rows = {
    accepted: new SharedCache<string, Row>({ max: MAX_ROWS }),
    rejected: new SharedCache<string, Row>({ max: MAX_ROWS }),
    answered: new SharedCache<string, Row>({ max: MAX_ROWS }),
  }
  #last = 0
  /** Verdicts since the start, those of one row one by one. */
  total = 0

  /** What plugins or an operator have accepted, and what was tolerated; the built-in check alone accepts too much. */
  accepted(evidence: PeerEvidence, { decidedBy, tolerated }: VerifiedPeer, about: HandshakeAbout): void {
    if (decidedBy !== 'plugins' && tolerated.length === 0) return
    const facts = { ...NOTHING, ...shown(evidence), result: 'accepted', by: decidedBy } as const
    this.#add('accepted', { ...facts, port: about.port, plugin: about.plugin ?? null }, about)
  }

  rejected({ rejection, evidence }: VerifyRejected, about: HandshakeAbout): void {
    const { by, plugin = null, reason, name, code, detail, host, hold } = rejection
    const result = hold === undefined ? 'rejected' : 'postponed'
    const facts = { ...NOTHING, ...(evidence && shown(evidence)), host, port: about.port }
    const why = { reason, name, code, detail: clip(detail, MAX_TEXT) }
    this.#add('rejected', { ...facts, ...why, result, by, plugin }, about)
  }

  /** A person has answered a question. @param plugin the one that has asked */
  answered(question: Approval, { verdict, who, why }: ApprovalAnswer, plugin: string): void {
    const { host, port, subject, sha256, builtIn, client } = question
    const facts = { ...NOTHING, host, port, builtIn, leaf: { subject: clip(subject, MAX_TEXT), sha256 } }
    const person = { who: clip(who, MAX_TEXT), why: why === undefined ? null : clip(why, MAX_TEXT) }
    const result = verdict === 'accept' ? 'accepted' : 'rejected'
    this.#put(
      'answered',
      { ...facts, ...person, result, by: 'person', plugin },
      clip(client, MAX_TEXT),
      '',
      0,
    )
  }

  /** An operator has accepted in the place of a plugin. */
  granted(
    evidence: PeerEvidence,
    plugin: string,
    by: Pick<ApprovalAnswer, 'who' | 'why'>,
    about: Granted,
  ): void {
    const facts = { ...NOTHING, ...shown(evidence), port: about.port, plugin, result: 'accepted' } as const
    const person = { who: clip(by.who, MAX_TEXT), why: by.why === undefined ? null : clip(by.why, MAX_TEXT) }
    this.#put('answered', { ...facts, ...person, by: 'operator' }, clientText(about.asking), '', about.held)
  }

  /** The latest first. */
  list({ search = '', result }: HistoryFilter): readonly HistoryRow[] {
    const words = search.toLowerCase()
    return Object.values(this.#rows)
      .flatMap(rows => [...rows.entries()].map(([, row]) => ({ ...row })))
      .filter(row => (result === undefined || row.result === result) && textOf(row).includes(words))
      .sort((a, b) => b.last - a.last || b.id - a.id)
  }

  #add(kind: 'accepted' | 'rejected', facts: Facts, { asking, network, held }: HandshakeAbout): void {
    this.#put(kind, facts, clientText(asking), network, held)
  }

  #put(
    kind: 'accepted' | 'rejected' | 'answered',
    facts: Facts,
    client: string | null,
    network: string,
    held: number,
  ): void {
    this.total += 1
    const rows = this.#rows[kind]
    const { result, by, plugin, host, port, leaf, name, who } = facts
    const key = JSON.stringify([result, by, plugin, host, port, leaf?.sha256, name, who])
    const now = Date.now()
    const known = rows.get(key, network)
    if (known === undefined) {
      const command = `portcullis try ${authorityText(host, port)}`
      const counts = {
        times: 1,
        since: now,
        last: now,
        held,
        client,
        clients: client === null ? [] : [client],
      }
      rows.set(key, { ...facts, ...counts, id: ++this.#last, command }, network)
      return
    }
    const others = known.clients.filter(one => one !== client)
    const clients = client === null ? others : [...others, client].slice(-MAX_CLIENTS)
    Object.assign(known, { ...facts, client, clients, held, times: known.times + 1, last: now })
  }
}

/** What a grant is about. */
export interface Granted {
  readonly port: number
  readonly asking: Asking | undefined
  /** Milliseconds. */
  readonly held: number
}

const NOTHING = {
  plugin: null,
  reason: null,
  name: null,
  code: null,
  detail: '',
  who: null,
  why: null,
  builtIn: null,
  leaf: null,
} as const

function shown({ host, builtIn, chain: [leaf] }: PeerEvidence) {
  const { subject, sha256 } = leaf ?? { subject: '', sha256: '' }
  return { host, builtIn: builtIn.name, leaf: { subject: clip(subject, MAX_TEXT), sha256 } }
}

/** `alice@192.0.2.1`, or the address alone; null where the proxy asks for itself. */
export function clientText(asking: Asking | undefined): string | null {
  if (asking === undefined) return null
  const { user, subject, address } = asking.client
  const name = user ?? subject
  return clip(name === undefined ? address : `${name}@${address}`, MAX_TEXT)
}

/** What a search looks at. */
const textOf = (row: HistoryRow): string =>
  [
    ...[
      row.host,
      `${row.host}:${row.port}`,
      row.plugin,
      row.by,
      row.reason,
      row.name,
      row.detail,
      row.who,
      row.why,
    ],
    ...[row.builtIn, row.leaf?.subject, row.leaf?.sha256, ...row.clients],
  ]
    .join('\n')
    .toLowerCase()
