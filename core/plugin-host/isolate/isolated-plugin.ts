// Longer than 250 lines because the states of a question, and all that may move it between workers, are one concept.
import type { HookId } from '../../api/hooks.js'
import type { Parked } from '../../api/parked.js'
import type { Verdict } from '../../api/verdict.js'
import type { ProxyError } from '../../base/errors.js'
import { LineLimit } from '../../base/line-limit.js'
import { clip, describe, MAX_MESSAGE } from '../../base/thrown.js'
import type { AskedEvent, AskHook, TellHook, ToldEvent } from '../../hooks/hook-ids.js'
import type { HostedServices } from '../services/services.js'
import type { ManagedCalls } from '../topics/answers.js'
import { HostedCalls } from './calls.js'
import { type CircuitOptions, failure, outOfService } from './circuit.js'
import { HookCircuits } from './hook-circuits.js'
import type { Offers, PlainQuestion, PlainTold, Said, Subject } from './messages.js'
import { NOTIFICATIONS } from './notifications.js'
import { aboutOf, plainVConn } from './plain.js'
import { QUESTIONS } from './questions.js'
import type { Threads } from './threads.js'
import type { WorkerLink } from './worker-link.js'
import { WorkerPeers } from './worker-peers.js'
import { type WorkerEvents, type WorkerLimits, WorkerSet } from './worker-set.js'
import { WorkerTopics } from './worker-topics.js'

/** A question that waits for its answer. */
interface Pending {
  /** Its number where it is asked now: each worker that is asked gets one of its own. */
  seq: number
  readonly question: PlainQuestion
  /** See `Codec`. */
  readonly subjects: readonly Subject[]
  readonly near: readonly Subject[]
  /** Does what the plugin has called, and passes its answer on. */
  readonly answer: (verdict: Verdict, effects: readonly unknown[]) => void
  /** Does what the plugin has done while it is asked. */
  readonly serve: ((args: readonly unknown[]) => Promise<unknown>) | undefined
  /** What it is about has ended: only a plugin in shadow mode still thinks about it. */
  isOver: boolean
  /** Where it has been asked; undefined while no worker can be. */
  link: WorkerLink | undefined
  readonly end: (failure?: ProxyError) => void
}

/** Takes what a plugin in workers does and logs. */
export interface IsolateDiags {
  debug(tag: string, message: string): void
  note(message: string): void
  error(message: string): void
  /** An answer of the plugin that reached nothing. */
  ignored(about: string, why: 'second' | 'late'): void
  /** Acceptances that the plugin withdraws; whatever it has passed. */
  revoke(what: unknown): void
}

/** The most log lines of one plugin in a second: a flood would fill the disk, and hide other lines. */
const LINES = 100

export type IsolateLimits = WorkerLimits & Omit<CircuitOptions, 'now'>

/** How a plugin's workers are, for the management API. */
export interface WorkersState {
  /** Those that can be asked. */
  readonly serving: number
  /** The hooks on which it has failed again and again, and is not asked for a while. */
  readonly outOfService: readonly HookId[]
}

/**
 * A plugin that runs in worker threads, an instance in each: its questions, and the workers that answer them.
 *
 * A question goes to the worker that has least to do, or where the args of its connection are. What waits behind a call
 * that does not return is asked elsewhere. What a lost worker held is rejected; what it had not begun is asked elsewhere.
 * Each hook has a circuit: when nothing but losses comes of its questions it opens, and they are rejected at once. A
 * plugin that fails on one hook stays in service on the others.
 */
export class IsolatedPlugin {
  readonly #name: string
  readonly #isShadow: boolean
  readonly #diags: IsolateDiags
  readonly #circuits: HookCircuits
  readonly #workers: WorkerSet
  readonly #calls: HostedCalls
  readonly #peers: WorkerPeers
  readonly #topics: WorkerTopics
  readonly #lines: LineLimit
  /** Apart, because most of them are not written. */
  readonly #debugLines: LineLimit
  readonly #pending = new Map<number, Pending>()
  /** Notifications that are also sent to each worker that starts later. */
  readonly #lasting = new Map<TellHook, PlainTold>()
  #seq = 0
  #isLoaded = false
  #isUnloaded = false

  constructor(
    name: string,
    threads: Threads,
    limits: IsolateLimits,
    diags: IsolateDiags,
    services: HostedServices,
    isShadow = false,
  ) {
    this.#name = name
    this.#isShadow = isShadow
    this.#diags = diags
    this.#calls = new HostedCalls(services, message => diags.error(`[${name}] ${message}`))
    const omitted = (count: number): string =>
      `[${name}] ${count} lines left out: a plugin in workers may write ${LINES} a second`
    this.#lines = new LineLimit(LINES, count => diags.error(omitted(count)))
    this.#debugLines = new LineLimit(LINES, count => diags.debug('plugin', omitted(count)))
    this.#circuits = new HookCircuits(limits)
    const nextSeq = (): number => ++this.#seq
    this.#peers = new WorkerPeers(services.peers, nextSeq)
    this.#topics = new WorkerTopics(name, () => this.#workers.serving, nextSeq, services.topics)
    const events: WorkerEvents = {
      onStarted: link => this.#peers.enter(link),
      onEnded: (link, why) => {
        this.#peers.leave(link)
        this.#topics.lose(link, why)
      },
      onMessage: (link, message) => this.#on(link, message),
      onServing: link => this.#begin(link),
      onStalled: (link, seqs) => this.#moveOn(link, seqs),
      onLost: (link, why, waiting) => this.#lost(link, why, waiting),
      onNotLoaded: why => this.#fail(`a worker of plugin ${name} did not load: ${why}`, this.#circuits.hooks),
    }
    this.#workers = new WorkerSet(threads, limits, events, services.managedAt)
  }

  get state(): WorkersState {
    return { serving: this.#workers.serving.length, outOfService: this.#circuits.outOfService }
  }

  /** As {@link WorkerSet.load} */
  async load(): Promise<Offers> {
    const offers = await this.#workers.load()
    this.#circuits.cover(offers.hooks.flatMap(({ id }) => (id in QUESTIONS ? [id] : [])))
    this.#topics.begin(offers.topics)
    this.#isLoaded = true
    return offers
  }

  /** What operators ask of the topic goes to the workers. */
  callsOf<T extends keyof ManagedCalls>(topic: T): ManagedCalls[T] {
    return this.#topics.callsOf(topic)
  }

  /** Ends when the question has an answer, or needs none. Rejected when no worker is left to answer it. */
  ask<H extends AskHook>(hook: H, continuation: number, event: AskedEvent<H>): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isUnloaded) return reject(failure('it has been unloaded'))
      const circuit = this.#circuits.of(hook)
      if (!circuit.admits()) return reject(outOfService(circuit))
      const isProbe = circuit.state !== 'closed'
      if (isProbe && this.#workers.best() === undefined) {
        circuit.abandoned()
        return reject(outOfService(circuit))
      }
      const { vconn, deadline, signal, reenable }: Parked = event
      const end = (failure?: ProxyError): void => {
        this.#pending.delete(pending.seq)
        signal.removeEventListener('abort', abandon)
        if (failure === undefined) resolve()
        else reject(failure)
      }
      const abandon = (): void => {
        pending.link?.send({ do: 'abort', seq: pending.seq })
        if (isProbe) circuit.abandoned()
        end()
      }
      const { toPlain, perform, subjects, near, serve } = QUESTIONS[hook]
      const whose = subjects?.(event) ?? ([vconn.id] as const)
      const pending: Pending = {
        seq: 0,
        question: {
          hook,
          continuation,
          about: clip(aboutOf(event), MAX_MESSAGE),
          vconn: plainVConn(vconn),
          deadline,
          within: whose[0],
          facts: toPlain(event),
        },
        subjects: whose,
        near: near?.(event) ?? [],
        isOver: false,
        link: undefined,
        serve: serve && (args => serve(event, args)),
        answer: (verdict, effects) => {
          for (const effect of effects) this.#noteIf(perform(event, effect))
          end()
          reenable(verdict)
        },
        end,
      }
      signal.addEventListener('abort', abandon, { once: true })
      this.#dispatch(pending)
    })
  }

  tell<H extends TellHook>(hook: H, event: ToldEvent<H>): void {
    const { to, toPlain } = NOTIFICATIONS[hook]
    const audience = to(event)
    const told: PlainTold = { hook, facts: toPlain(event) }
    if (audience === 'lasting') this.#lasting.set(hook, told)
    const links = this.#workers.linksFor(typeof audience === 'object' ? audience.id : audience)
    if (links.length === 0) this.#diags.debug('plugin', `${this.#name} has no worker to notify of ${hook}`)
    for (const link of links) this.#tellOne(link, told)
  }

  #tellOne(link: WorkerLink, told: PlainTold): void {
    link.send({ do: 'tell', seq: ++this.#seq, told })
  }

  /** A subject has ended, and the plugin was notified if it has a continuation for that. */
  forget(subject: Subject): void {
    this.#workers.forget(subject)
    if (!this.#isShadow) return
    for (const pending of this.#pending.values())
      if (pending.subjects.includes(subject)) pending.isOver = true
  }

  unload(): Promise<void> {
    this.#isUnloaded = true
    for (const { end } of [...this.#pending.values()]) end(failure('it has been unloaded'))
    this.#peers.leaveAll()
    this.#topics.unload()
    return this.#workers.unload()
  }

  #on(link: WorkerLink, message: Said): void {
    switch (message.did) {
      case 'log':
        return this.#log(message)
      case 'revoke':
        return this.#diags.revoke(message.what)
      case 'call':
      case 'metric':
      case 'measure':
        return this.#calls.take(
          link,
          message,
          'seq' in message ? this.#serveOf(link, message.seq) : undefined,
          text => this.#peers.send(link, text),
        )
      case 'managed':
        return this.#topics.take(link, message)
      case 'overdo':
        return this.#diags.ignored(message.about, message.why)
      case 'answer':
      case 'fail': {
        const pending = this.#pending.get(message.seq)
        const isSound =
          message.did === 'fail' ||
          pending === undefined ||
          message.effects.every(QUESTIONS[pending.question.hook].isEffect)
        if (!isSound) return link.expel()
        this.#workers.answered()
        if (pending !== undefined) this.#circuits.of(pending.question.hook).answered()
        if (message.did === 'fail') return pending?.end(failure(message.message, message.stack))
        if (pending === undefined) return this.#diags.ignored(message.about, 'late')
        return this.#answer(pending, message.verdict, message.effects)
      }
    }
  }

  /** Only the worker that holds a question may have something done for it. */
  #serveOf(link: WorkerLink, seq: number | undefined): Pending['serve'] {
    const pending = this.#pending.get(seq ?? 0)
    return pending?.link === link ? pending.serve : undefined
  }

  #log({ level, tag, message }: Extract<Said, { did: 'log' }>): void {
    if (level === 'debug') {
      if (this.#debugLines.passes()) this.#diags.debug(tag, message)
    } else if (this.#lines.passes()) this.#diags[level](message)
  }

  /** What cannot be done is a failure of the plugin: elsewhere its call would have thrown. */
  #answer({ answer, end }: Pending, verdict: Verdict, effects: readonly unknown[]): void {
    try {
      answer(verdict, effects)
    } catch (cause) {
      end(failure(describe(cause)))
    }
  }

  #noteIf(message: string | undefined): void {
    if (message !== undefined) this.#diags.note(`[${this.#name}] ${message}`)
  }

  /** To one worker, under a new number: what another one says about the old number reaches nothing. */
  #dispatch(pending: Pending): void {
    this.#pending.delete(pending.seq)
    pending.seq = ++this.#seq
    this.#pending.set(pending.seq, pending)
    const { seq } = pending
    const { subjects, near, question, isOver } = pending
    const link = isOver ? this.#workers.best() : this.#workers.linkFor(subjects, near)
    pending.link = link
    link?.send({ do: 'ask', seq, question })
    if (isOver) for (const subject of subjects) link?.send({ do: 'forget', subject })
  }

  #begin(link: WorkerLink): void {
    this.#peers.begin(link)
    for (const told of this.#lasting.values()) this.#tellOne(link, told)
    if (this.#isLoaded) this.#diags.note(`plugin ${this.#name} has a worker again`)
    for (const pending of [...this.#pending.values()]) if (pending.link === undefined) this.#dispatch(pending)
  }

  #moveOn(from: WorkerLink, seqs: readonly number[]): void {
    for (const seq of seqs) {
      const pending = this.#pending.get(seq)
      const to = this.#workers.best()
      if (to === undefined || to === from || to.isStalled || to.backlog >= from.backlog) return
      if (pending === undefined) continue
      from.send({ do: 'abort', seq })
      this.#dispatch(pending)
    }
  }

  #lost(link: WorkerLink, why: string, waiting: readonly number[]): void {
    const held = [...this.#pending].filter(([, pending]) => pending.link === link)
    const moved = held.filter(([seq]) => waiting.includes(seq))
    const gone = held.filter(([seq]) => !waiting.includes(seq))
    this.#fail(
      `a worker of plugin ${this.#name} was lost: ${why}; questions it held: ${gone.length}`,
      gone.length === 0 ? this.#circuits.hooks : new Set(gone.map(([, { question }]) => question.hook)),
    )
    for (const [, { end }] of gone) end(failure(`its worker was lost: ${why}`))
    for (const [, pending] of moved) this.#dispatch(pending)
  }

  /** @param hooks those whose questions it may be the fault of */
  #fail(message: string, hooks: Iterable<HookId>): void {
    this.#diags.error(message)
    for (const [hook, circuit] of this.#circuits.failed(hooks)) {
      const { retryIn } = circuit
      this.#diags.error(`plugin ${this.#name} is out of service on ${hook}, and asked again in ${retryIn} ms`)
      for (const { link, question, end } of [...this.#pending.values()])
        if (link === undefined && question.hook === hook) end(outOfService(circuit))
    }
  }
}
