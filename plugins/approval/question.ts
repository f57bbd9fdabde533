import { createHash } from 'node:crypto'
import type { Approval, Certificate, VerifyServerEvent } from 'portcullis/plugin'
import { provenPath, spkiOf } from '../certificates/fingerprints.js'
import { validityOf } from '../certificates/validity.js'
import { Elsewhere, type WaitsThere } from './elsewhere.js'

/** What a question is about, and what an answer to it is kept for. */
export interface Subject {
  readonly host: string
  readonly port: number
  /** SHA-256 of the leaf, hex. */
  readonly leaf: string
  /** Its public key, as in a pin. */
  readonly leafKey: string
  /** The public key of the leaf's issuer, as in a pin; undefined where no path with valid signatures was built. */
  readonly issuerKey: string | undefined
  /** The built-in check's result. */
  readonly builtIn: string
}

/** What of a question outlives a restart. */
export interface Asked
  extends Subject,
    Pick<Approval, 'id' | 'subject' | 'issuer' | 'notBefore' | 'notAfter' | 'since'> {
  readonly chain: readonly string[]
  readonly client: string
}

const leafOf = (event: VerifyServerEvent): Certificate => {
  const [leaf] = event.chain
  if (leaf === undefined) throw new Error('an origin without a certificate')
  return leaf
}

export function subjectOf(event: VerifyServerEvent): Subject {
  const [, issuer] = provenPath(event)
  const leaf = leafOf(event)
  return {
    host: event.host,
    port: event.port,
    leaf: leaf.sha256,
    leafKey: spkiOf(leaf),
    issuerKey: issuer === undefined ? undefined : spkiOf(issuer),
    builtIn: event.builtIn.name,
  }
}

/** Handshakes with the same key are one question. */
export const keyOf = ({ host, port, leaf, builtIn }: Subject): string => `${host} ${port} ${leaf} ${builtIn}`

/**
 * The same in every process that is asked; another one once the question has been answered.
 * @param round how often it has been answered before
 */
export const idOf = (subject: Subject, round: number): string =>
  `q${createHash('sha256')
    .update(`${round} ${keyOf(subject)}`)
    .digest('hex')
    .slice(0, 12)}`

/** `alice@192.0.2.1`, or the address alone. */
export function clientOf({ client }: VerifyServerEvent): string {
  if (client === undefined) return 'portcullis'
  const name = client.user ?? client.subject
  return name === undefined ? client.address : `${name}@${client.address}`
}

export function askedBy(event: VerifyServerEvent, subject: Subject, id: string): Asked {
  const leaf = leafOf(event)
  return {
    ...subject,
    id,
    subject: leaf.subject,
    issuer: leaf.issuer,
    ...validityOf(leaf),
    chain: event.chain.map(({ pem }) => pem),
    client: clientOf(event),
    since: Date.now(),
  }
}

export type Link = NonNullable<Approval['link']>

/** How many clients of one question are remembered by name. */
const MAX_CLIENTS = 20

/** A handshake that waits for an answer. */
interface Waiting {
  readonly onAnswer: (answer: Answered) => void
  /** Milliseconds since the epoch. */
  until: number
  /** Milliseconds that it was given meanwhile. */
  more: number
}

/** The same, for the handshake itself. */
export interface Place {
  readonly leave: () => void
  /** The milliseconds by which it may wait longer since this was called last. */
  readonly takeMore: () => number
}

/** A question without an answer so far, and the handshakes that wait for the answer. */
export class Question {
  #asked: Asked
  /** When it was written down first, ISO 8601. */
  readonly at: string
  /** When other instances were told of it last; milliseconds since the epoch. */
  toldAt = 0
  readonly #onChange: (question: Question) => void
  readonly elsewhere = new Elsewhere()
  readonly #waiting = new Set<Waiting>()
  readonly #clients = new Set<string>()
  #count = 0
  /** The link that was sent, by whichever instance. */
  link: Link | undefined
  /** Its message is being sent, or it is found out whether another instance sends it. */
  isTelling = false
  /** When it was asked last; milliseconds since the epoch. */
  last: number

  /** @param onChange called when other handshakes wait for it than before */
  constructor(asked: Asked, at: string, onChange: (question: Question) => void) {
    this.#asked = asked
    this.at = at
    this.#onChange = onChange
    this.last = asked.since
    this.#clients.add(asked.client)
  }

  get asked(): Asked {
    return this.#asked
  }

  /** Goes on under another id. It is found by the old one, too, which messages and clients have. */
  rename(id: string): void {
    this.elsewhere.addId(this.#asked.id)
    this.#asked = { ...this.#asked, id }
  }

  /** Whether no handshake waits for it now, here or elsewhere. */
  get isIdle(): boolean {
    return this.#waiting.size === 0 && this.elsewhere.list().length === 0
  }

  isTold(): void {
    this.toldAt = Date.now()
  }

  hasId(id: string): boolean {
    return this.asked.id === id || this.elsewhere.hasId(id)
  }

  /** What waits here, as other proxies are told. */
  get waitsHere(): Pick<WaitsThere, 'waiting' | 'clients' | 'waitsUntil'> {
    const ends = [...this.#waiting].map(({ until }) => until)
    return { waiting: ends.length, clients: [...this.#clients], waitsUntil: Math.min(...ends) }
  }

  /** Whether no handshake has waited for it yet. */
  get isNew(): boolean {
    return this.#count === 0
  }

  /** @param patience for how long the handshake waits, milliseconds */
  wait(client: string, patience: number, onAnswer: (answer: Answered) => void): Place {
    this.#count++
    this.last = Date.now()
    this.#clients.delete(client)
    this.#clients.add(client)
    if (this.#clients.size > MAX_CLIENTS)
      for (const first of this.#clients) if (this.#clients.delete(first)) break
    const waiting: Waiting = { onAnswer, until: Date.now() + patience, more: 0 }
    this.#waiting.add(waiting)
    this.#onChange(this)
    return {
      leave: () => {
        if (this.#waiting.delete(waiting)) this.#onChange(this)
      },
      takeMore: () => {
        const { more } = waiting
        waiting.more = 0
        return more
      },
    }
  }

  answer(answer: Answered): void {
    for (const { onAnswer } of [...this.#waiting]) onAnswer(answer)
    this.#waiting.clear()
  }

  /** All that wait may wait longer. @returns how many */
  extend(ms: number): number {
    for (const waiting of this.#waiting) {
      waiting.until += ms
      waiting.more += ms
    }
    this.#onChange(this)
    return this.#waiting.size
  }

  /** @param firstSeen of the host; milliseconds since the epoch */
  describe(firstSeen: number): Approval {
    const { id, host, port, subject, issuer, leaf, notBefore, notAfter, chain, builtIn, since } = this.asked
    const clients = [...this.#clients]
    const { waiting, waitsUntil } = this.waitsHere
    const elsewhere = this.elsewhere.list()
    return {
      id,
      host,
      port,
      subject,
      issuer,
      sha256: leaf,
      notBefore,
      notAfter,
      chain,
      builtIn,
      client: clients.at(-1) ?? '',
      clients,
      waiting,
      ...(waiting === 0 ? {} : { waitsUntil }),
      ...(elsewhere.length === 0 ? {} : { elsewhere }),
      asked: this.#count,
      since,
      last: this.last,
      firstSeen,
      ...(this.link === undefined ? {} : { link: this.link }),
    }
  }
}

/** An answer, as the handshakes that wait are told. */
export interface Answered {
  /** Of the question that was answered; an answer for a host covers others. */
  readonly id: string
  readonly verdict: 'accept' | 'reject'
  /** When it ends; milliseconds since the epoch; undefined: when it is withdrawn. */
  readonly until: number | undefined
  readonly who: string
  readonly why: string | undefined
}
