import { setTimeout as sleep } from 'node:timers/promises'
import { ProxyError } from '../../base/errors.js'
import { describe } from '../../base/thrown.js'
import { after } from '../../base/timer.js'
import { Affinity } from './affinity.js'
import type { Offers, Said, Subject } from './messages.js'
import type { Threads } from './threads.js'
import { type LinkEvents, WorkerLink } from './worker-link.js'

export interface WorkerLimits {
  readonly workers: number
  /** Without a sign of life for so long, a worker is ended; milliseconds. */
  readonly hangAfter: number
  /** How long loading the plugin in a worker may take; milliseconds. */
  readonly initTimeout: number
}

/** What happens to the workers after they have been loaded for the first time. */
export interface WorkerEvents {
  /** It was started, and loads the plugin. */
  onStarted(link: WorkerLink): void
  /** It has ended, whether it was loaded or not. */
  onEnded(link: WorkerLink, why: string): void
  onMessage(link: WorkerLink, message: Said): void
  /** A worker can be asked. */
  onServing(link: WorkerLink): void
  /** Questions that wait behind a call that does not return; repeated while they do. */
  onStalled(link: WorkerLink, seqs: readonly number[]): void
  /** `waiting` is what it had not begun. */
  onLost(link: WorkerLink, why: string, waiting: readonly number[]): void
  /** One that was to replace another is not there. */
  onNotLoaded(why: string): void
}

const FIRST_DELAY = 100
const LONGEST_DELAY = 10_000
/** How long the plugin has to put its things in order when it is unloaded, also on a busy machine. */
const GRACE = 2000

/**
 * The workers of one plugin, and which of them is to be asked.
 *
 * Life: loading -> serving -> unloaded. While serving, a worker that is lost is replaced after a time that doubles with
 * every loss, until one has answered.
 */
export class WorkerSet {
  readonly #threads: Threads
  readonly #limits: WorkerLimits
  readonly #events: WorkerEvents
  readonly #managedAt: () => string | undefined
  readonly #links = new Set<WorkerLink>()
  readonly #affinity = new Affinity<WorkerLink>()
  readonly #delays = new Set<NodeJS.Timeout>()
  #lossesInRow = 0
  /** What the first ones offer, as JSON. */
  #offers = ''
  #isUnloaded = false

  /** @param managedAt the address of the management port */
  constructor(
    threads: Threads,
    limits: WorkerLimits,
    events: WorkerEvents,
    managedAt: () => string | undefined,
  ) {
    this.#managedAt = managedAt
    this.#threads = threads
    this.#limits = limits
    this.#events = events
  }

  /**
   * Loads the plugin in every worker.
   * @returns what it has put on hooks, and offers to operators
   * @throws {ProxyError} the first failure
   */
  async load(): Promise<Offers> {
    const all = await Promise.all(Array.from({ length: this.#limits.workers }, () => this.#start()))
    const [first = { hooks: [], topics: [] }] = all
    this.#offers = JSON.stringify(first)
    if (all.some(offers => JSON.stringify(offers) !== this.#offers)) {
      const text =
        'its workers put different things on hooks, or offer different topics; an init must do the same each time'
      throw new ProxyError('PTC_PLUGIN_SHAPE', text)
    }
    return first
  }

  /** Those that can be asked. */
  get serving(): readonly WorkerLink[] {
    return [...this.#links].filter(link => link.isServing)
  }

  /** The worker that has the args of the first known subject, unless it is stuck; else the one with the least to do. */
  linkFor(subjects: readonly Subject[], near: readonly Subject[] = []): WorkerLink | undefined {
    const isUsable = (link: WorkerLink): boolean => link.isServing && !link.isStalled
    const links = [...subjects, ...near].flatMap(subject => this.#affinity.of(subject) ?? [])
    const link = links.find(isUsable) ?? this.best()
    if (link !== undefined) for (const subject of subjects) this.#affinity.settle(subject, link, isUsable)
    return link
  }

  /** The workers that get a notification: the one that keeps the args of something, any one, or all. */
  linksFor(audience: Subject | 'any' | 'all' | 'lasting'): readonly WorkerLink[] {
    if (audience === 'all' || audience === 'lasting') return this.serving
    const link = this.#linkTold(audience)
    return link === undefined ? [] : [link]
  }

  /** A subject that is over is not settled anywhere. */
  #linkTold(audience: Subject | 'any'): WorkerLink | undefined {
    if (typeof audience === 'number') return this.linkFor([audience])
    const near = audience === 'any' ? undefined : this.#affinity.of(audience)
    return near?.isServing === true ? near : this.best()
  }

  /** The one with the least to do; one that is stuck only if all are. */
  best(): WorkerLink | undefined {
    const serving = [...this.#links].filter(link => link.isServing)
    const moving = serving.filter(link => !link.isStalled)
    const from = moving.length > 0 ? moving : serving
    return from.reduce<WorkerLink | undefined>(
      (best, link) => (best === undefined || link.load < best.load ? link : best),
      undefined,
    )
  }

  /** It has ended. */
  forget(subject: Subject): void {
    for (const link of this.#affinity.forget(subject)) link.send({ do: 'forget', subject })
  }

  /** One of them has answered. */
  answered(): void {
    this.#lossesInRow = 0
  }

  async unload(): Promise<void> {
    if (this.#isUnloaded) return
    this.#isUnloaded = true
    for (const delay of this.#delays) clearTimeout(delay)
    this.#affinity.clear()
    const ended = Promise.all([...this.#links].map(link => link.unload()))
    await Promise.race([ended, sleep(GRACE, undefined, { ref: false })])
    this.#threads.destroy()
  }

  #start(): Promise<Offers> {
    return new Promise((resolve, reject) => {
      let hasLoaded = false
      const { hangAfter, initTimeout } = this.#limits
      const events: LinkEvents = {
        onLoad: offers => {
          if (!this.#isAsBefore(offers))
            return link.giveUp('it puts other things on hooks than before, or offers other topics: reload')
          hasLoaded = true
          clearTimeout(timer)
          resolve(offers)
          this.#events.onServing(link)
        },
        onMessage: message => this.#events.onMessage(link, message),
        onStalled: seqs => this.#events.onStalled(link, seqs),
        onLost: (why, code, waiting) => {
          clearTimeout(timer)
          this.#links.delete(link)
          this.#events.onEnded(link, why)
          if (hasLoaded) this.#lost(link, why, waiting)
          else reject(new ProxyError(code, why))
        },
      }
      const link = new WorkerLink(this.#threads.start(), hangAfter, events, this.#managedAt)
      const giveUp = (): void => link.giveUp(`loading it took more than ${initTimeout} ms`)
      const timer = after(initTimeout, giveUp, reject).unref()
      this.#links.add(link)
      this.#events.onStarted(link)
    })
  }

  /** The file may have changed since; what it does now is known after a reload. */
  #isAsBefore(offers: Offers): boolean {
    return this.#offers === '' || this.#offers === JSON.stringify(offers)
  }

  #lost(link: WorkerLink, why: string, waiting: readonly number[]): void {
    this.#affinity.lose(link)
    this.#events.onLost(link, why, waiting)
    this.#replaceLater()
  }

  #replaceLater(): void {
    if (this.#isUnloaded) return
    const delay = Math.min(FIRST_DELAY * 2 ** this.#lossesInRow++, LONGEST_DELAY)
    const onFailed = (cause: unknown): void => {
      if (this.#isUnloaded) return
      this.#events.onNotLoaded(describe(cause))
      this.#replaceLater()
    }
    const replace = (): void => {
      this.#delays.delete(timer)
      this.#start().catch(onFailed)
    }
    const timer = after(delay, replace, onFailed)
    this.#delays.add(timer)
  }
}
