// Longer than 250 lines because questions, their answers, and what other processes tell of both are one state.
import { LRUCache } from 'lru-cache'
import type {
  Approval,
  ApprovalAnswer,
  ApprovalTopic,
  ApprovedOrigin,
  GivenAnswer,
  PluginPeers,
  VerifyServerEvent,
} from 'portcullis/plugin'
import { Answers, covers, describeKept, type Kept } from './answers.js'
import { type Answering, type Entry, isBefore, isEntry, Journal, nameOf, type Withdrawal } from './journal.js'
import { OpenQuestions } from './open-questions.js'
import {
  type Asked,
  askedBy,
  idOf,
  keyOf,
  type Link,
  type Question,
  type Subject,
  subjectOf,
} from './question.js'
import { isLinkTold, type LinkTold, type Told } from './told.js'
import { isWaitsTold, Waits, type WaitsTold } from './waits.js'

/** Hosts of which it is known when they were first asked for. */
const MAX_HOSTS = 100_000
const MAX_KNOWN = 100_000
/** By size, because for a number of entries an LRUCache takes the memory of all of them at once: 3 MB each. */
const upTo = (maxSize: number) => ({ maxSize, sizeCalculation: () => 1 })
/** Milliseconds until the others are told again of a question that is asked still. */
const TELL_AGAIN = 3_600_000

/** How a handshake is answered for. */
export type Found = { readonly kept: Kept } | { readonly question: Question } | { readonly full: true }

/**
 * Questions, answers, and the file behind them. There is one for each file in this process, whatever reloads do to the
 * plugin: handshakes that the old instance holds and those of the new one wait for the same questions.
 */
export class Approvals implements ApprovalTopic {
  readonly #journal: Journal
  readonly #waits: Waits
  readonly #questions: OpenQuestions
  readonly #answers = new Answers()
  /** How often a question has been answered, by its key. */
  readonly #rounds = new LRUCache<string, number>(upTo(MAX_KNOWN))
  readonly #firstSeen = new LRUCache<string, number>(upTo(MAX_HOSTS))
  /** Answers and withdrawals count one after the other, in the order of the file. */
  #last: Promise<unknown> = Promise.resolve()
  #settling: NodeJS.Immediate | undefined
  readonly #onError: (message: string) => void
  /** Answers by the id of their question: where two were given at once, one of them counts in every instance. */
  readonly #counted = new LRUCache<string, Answering>(upTo(MAX_KNOWN))
  /** Entries that have counted: another instance may tell them again. */
  readonly #known = new LRUCache<string, true>(upTo(MAX_KNOWN))
  /** Tells the other instances. */
  #tell: (message: Told | LinkTold | WaitsTold) => Promise<void> = async () => {}

  static readonly #byFile = new Map<string, { readonly approvals: Promise<Approvals>; users: number }>()
  /** Files that are being closed: what is written to them last has to be read by the next use. */
  static readonly #closing = new Map<string, Promise<void>>()

  private constructor(journal: Journal, entries: readonly Entry[], onError: (message: string) => void) {
    this.#journal = journal
    this.#onError = onError
    this.#waits = new Waits(journal.identity, message => this.#tellShortly(message, 'what waits'))
    this.#questions = new OpenQuestions(this.#waits.changed)
    for (const entry of entries) {
      this.#known.set(nameOf(entry), true)
      this.#replay(entry)
    }
  }

  /**
   * @param signal its abort ends this use; the last use closes the file
   * @throws {Error} with file and line
   */
  static async open(
    path: string,
    signal: AbortSignal,
    onError: (message: string) => void,
  ): Promise<Approvals> {
    let known = Approvals.#byFile.get(path)
    if (known === undefined) {
      const closed = Approvals.#closing.get(path) ?? Promise.resolve()
      const opening = closed
        .then(() => Journal.open(path))
        .then(({ journal, entries }) => new Approvals(journal, entries, onError))
      known = { approvals: opening, users: 0 }
      Approvals.#byFile.set(path, known)
    }
    const use = known
    use.users++
    const leave = (): void => {
      use.users--
      if (use.users > 0) return
      Approvals.#byFile.delete(path)
      const closing = use.approvals.then(approvals => approvals.#close()).catch(() => undefined)
      Approvals.#closing.set(path, closing)
      void closing.then(() => {
        if (Approvals.#closing.get(path) === closing) Approvals.#closing.delete(path)
      })
    }
    signal.addEventListener('abort', leave, { once: true })
    try {
      return await use.approvals
    } catch (cause) {
      signal.removeEventListener('abort', leave)
      leave()
      throw cause
    }
  }

  #close(): Promise<void> {
    this.#waits.close()
    return this.#journal.close()
  }

  /** Other instances that ask the same questions, with this file or with one of their own. */
  join({ send, onMessage }: PluginPeers): void {
    this.#tell = send
    onMessage(message => this.#take(message))
  }

  /** Tells the other instances which link was sent. */
  readonly shareLink = (id: string, link: Link): void => this.#tellShortly({ id, link }, 'a link')

  #tellShortly(message: LinkTold | WaitsTold, what: string): void {
    this.#tell(message).catch(cause =>
      this.#onError(`other instances are not told of ${what}: ${String(cause)}`),
    )
  }

  /** Finds the links again that were sent before this instance was started. */
  async recallLinks(sentFor: (id: string) => Promise<Link | undefined>): Promise<void> {
    for (const question of this.#questions.all) question.link ??= await sentFor(question.asked.id)
  }

  list(): readonly Approval[] {
    const all = this.#questions.all.map(question => this.#describe(question))
    return all.sort((a, b) => a.since - b.since)
  }

  given(): readonly GivenAnswer[] {
    return this.#answers.list().map(describeKept)
  }

  takeBack(id: string, who: string): Promise<GivenAnswer | undefined> {
    return this.#inTurn(() => this.#takeBack(id, who))
  }

  /** The answer in force, or the question that the handshake is part of. */
  find(event: VerifyServerEvent): Found {
    const subject = subjectOf(event)
    const kept = this.#answers.find(subject)
    if (kept !== undefined) return { kept }
    const key = keyOf(subject)
    const known = this.#questions.get(key)
    if (known !== undefined) {
      this.#tellAgain(known)
      return { question: known }
    }
    const question = this.#open(key, askedBy(event, subject, this.#newId(subject)), now())
    if (question === undefined) return { full: true }
    this.#announceQuestion(question)
    return { question }
  }

  /** An id that has no answer so far: an answer to one that has could not count. */
  #newId(subject: Subject): string {
    let id = idOf(subject, this.#rounds.get(keyOf(subject)) ?? 0)
    for (let round = 1; this.#counted.has(id); round++) id = idOf(subject, round)
    return id
  }

  #announceQuestion(question: Question): void {
    question.isTold()
    const { asked } = question
    this.#announce({ at: question.at, did: 'asked', ...asked }).catch(cause => {
      this.#onError(`question ${asked.id} is open, and lost at a restart: ${String(cause)}`)
    })
  }

  /** A proxy that was started later may not know a question that is open for long. */
  #tellAgain(question: Question): void {
    if (Date.now() - question.toldAt < TELL_AGAIN) return
    question.isTold()
    void this.#tellOf({ ...question.asked, at: question.at, did: 'asked' })
  }

  answer(id: string, answer: ApprovalAnswer): Promise<Approval | undefined> {
    return this.#inTurn(() => this.#answer(id, answer))
  }

  extend(id: string, ms: number): number {
    return this.#questions.withId(id)?.extend(ms) ?? 0
  }

  withdraw(isMeant: (origin: ApprovedOrigin) => boolean, what: string, who: string): Promise<number> {
    return this.#inTurn(() => this.#withdraw(isMeant, what, who))
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined)
    return done
  }

  async #answer(
    given: string,
    { verdict, scope, duration, who, why }: ApprovalAnswer,
  ): Promise<Approval | undefined> {
    const question = this.#questions.withId(given)
    if (question === undefined) return undefined
    const until = duration === undefined ? undefined : Date.now() + duration
    const { id, host, port, leaf, leafKey, issuerKey, builtIn } = question.asked
    if (scope === 'issuer' && issuerKey === undefined)
      throw new Error(`${host} has no issuer that was checked: answer for the certificate, or for the host`)
    const shown = this.#describe(question)
    const entry: Answering = {
      at: now(),
      did: 'answered',
      ...{ id, verdict, until, who, why, scope },
      subject: { host, port, leaf, leafKey, issuerKey, builtIn },
    }
    await this.#write(entry)
    this.#keep(entry)
    // Meanwhile another instance may have told of another answer.
    if (this.#counted.get(id) !== entry) return undefined
    this.#settle()
    return shown
  }

  async #withdraw(isMeant: (origin: ApprovedOrigin) => boolean, what: string, who: string): Promise<number> {
    const gone = this.#answers.withdraw(({ verdict, subject: { host, leaf, leafKey } }) => {
      const spki = Buffer.from(leafKey, 'base64').toString('hex')
      return verdict === 'accept' && isMeant({ host, sha256: leaf, spki })
    })
    const ids = gone.map(({ id }) => id)
    if (ids.length > 0) await this.#write({ at: now(), did: 'withdrew', ids, what, who })
    return ids.length
  }

  async #takeBack(id: string, who: string): Promise<GivenAnswer | undefined> {
    const counting = this.#answers.list()
    const gone = counting.find(kept => kept.id === id && kept.verdict === 'reject')
    if (gone === undefined) return undefined
    // A question is asked next: an earlier acceptance that it has overruled counts no more.
    const overruled = counting
      .slice(0, counting.indexOf(gone))
      .filter(({ subject }) => subject.host === gone.subject.host && covers(gone, subject))
    const ids = [...overruled.map(kept => kept.id), id]
    await this.#write({ at: now(), did: 'withdrew', ids, what: 'a rejection', who })
    this.#answers.withdraw(kept => ids.includes(kept.id))
    return describeKept(gone)
  }

  /** On the disk first, then in the other instances. */
  async #write(entry: Entry): Promise<void> {
    this.#known.set(nameOf(entry), true)
    await this.#journal.append(entry)
    await this.#tellOf(entry)
  }

  /** At once: a question is open in the others, too, if this instance ends before it is on the disk. */
  async #announce(entry: Entry): Promise<void> {
    this.#known.set(nameOf(entry), true)
    await Promise.all([this.#journal.append(entry), this.#tellOf(entry)])
  }

  async #tellOf(entry: Entry): Promise<void> {
    await this.#tell({ file: this.#journal.identity, entry }).catch(cause =>
      this.#onError(`other instances are not told of an entry: ${String(cause)}`),
    )
  }

  /**
   * What another instance has asked, answered or withdrawn. Entries that come together count together: what waits is answered
   * after all of them, so that an acceptance whose withdrawal comes with it answers nothing.
   */
  #take(message: unknown): void {
    if (isLinkTold(message)) return this.#linkSent(message)
    if (isWaitsTold(message)) return this.#waits.take(message, key => this.#questions.get(key))
    const { file, entry } = (message ?? {}) as Partial<Told>
    if (!isEntry(entry)) throw new Error('what another instance tells is no entry of approval.js')
    if (this.#known.has(nameOf(entry))) return
    this.#known.set(nameOf(entry), true)
    if (file !== this.#journal.identity)
      this.#journal
        .append(entry)
        .catch(cause => this.#onError(`an entry is lost at a restart: ${String(cause)}`))
    if (entry.did === 'asked') return this.#askedElsewhere(entry)
    if (entry.did === 'answered') this.#keep(entry)
    else this.#forget(entry)
    this.#settling ??= setImmediate(() => this.#settleLate())
  }

  #settleLate(): void {
    this.#settling = undefined
    try {
      this.#settle()
    } catch (cause) {
      this.#onError(`an answer of another instance reaches no handshake: ${String(cause)}`)
    }
  }

  #askedElsewhere(entry: Extract<Entry, { did: 'asked' }>): void {
    const key = keyOf(entry)
    this.#questions.get(key)?.elsewhere.addId(entry.id)
    if (this.#questions.get(key) === undefined && !this.#counted.has(entry.id))
      this.#open(key, entry, entry.at)
    this.#questions.get(key)?.isTold()
  }

  #linkSent({ id, link }: LinkTold): void {
    const question = this.#questions.withId(id)
    if (question !== undefined) question.link = link
  }

  /**
   * Answers the open questions that an answer in force covers, and is the only code that answers any. What another instance has
   * told may be withdrawn already, later than another answer, or over: then it closes no question. A question whose id has been
   * used up by such an answer goes on under another id.
   */
  #settle(): void {
    for (const question of this.#questions.all) {
      const kept = this.#answers.find(question.asked)
      if (kept !== undefined) {
        this.#questions.delete(keyOf(question.asked))
        question.answer(kept)
      } else if (this.#counted.has(question.asked.id)) {
        question.rename(this.#newId(question.asked))
        this.#announceQuestion(question)
      }
    }
  }

  /**
   * Of two answers to one question, the earlier one is kept, in every instance and at every start.
   * @returns whether this one is
   */
  #keep(entry: Answering): boolean {
    const other = this.#counted.get(entry.id)
    if (other !== undefined) {
      // One that was withdrawn stays so.
      if (!isBefore(entry, other) || this.#answers.withdraw(({ id }) => id === entry.id).length === 0)
        return false
    } else {
      const key = keyOf(entry.subject)
      this.#rounds.set(key, (this.#rounds.get(key) ?? 0) + 1)
    }
    this.#counted.set(entry.id, entry)
    this.#answers.add(entry)
    return true
  }

  #forget({ ids }: Withdrawal): void {
    const gone = new Set(ids)
    this.#answers.withdraw(({ id }) => gone.has(id))
  }

  /** @returns undefined where there is no room */
  #open(key: string, asked: Asked, at: string): Question | undefined {
    const question = this.#questions.open(key, asked, at)
    if (question !== undefined) this.#seen(asked)
    return question
  }

  #seen({ host, since }: Asked): void {
    if (!this.#firstSeen.has(host)) this.#firstSeen.set(host, since)
  }

  #describe(question: Question): Approval {
    return question.describe(this.#firstSeen.get(question.asked.host) ?? question.asked.since)
  }

  /** An entry of the file, at the start. An answer that was kept has closed its question, though its time may be over by now. */
  #replay(entry: Entry): void {
    if (entry.did === 'asked') {
      // Two instances may have been asked at once, and one has its answer already.
      if (!this.#counted.has(entry.id)) this.#open(keyOf(entry), entry, entry.at)
    } else if (entry.did === 'answered') {
      if (this.#keep(entry)) this.#questions.delete(keyOf(entry.subject))
      this.#settle()
    } else this.#forget(entry)
  }
}

const now = (): string => new Date().toISOString()
