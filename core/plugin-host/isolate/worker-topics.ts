import { ProxyError } from '../../base/errors.js'
import { after } from '../../base/timer.js'
import type { ManagedCalls } from '../topics/answers.js'
import { isAnswer } from '../topics/answers.js'
import { mergedCalls, PATIENCE } from '../topics/calls.js'
import type { InstancesOf, TopicsOfPlugin } from '../topics/hub.js'
import type { FromWorker } from './messages.js'
import type { WorkerLink } from './worker-link.js'

type Answer = Extract<FromWorker, { did: 'managed' }>

/** Requests that one worker has not answered. */
const MAX_OPEN = 1000

interface Open {
  readonly link: WorkerLink
  readonly topic: keyof ManagedCalls
  readonly part: string
  /** Undefined when the time is over: the answer may still come, and reaches nothing. */
  settle: { resolve(value: unknown): void; reject(why: ProxyError): void } | undefined
  readonly timer: NodeJS.Timeout
  /** The rows of a list that comes in pages, and how many pages follow. */
  readonly rows: unknown[]
  left: number | undefined
}

/** In the proxy: requests of operators to the workers of one plugin, and the answers. */
export class WorkerTopics {
  readonly #plugin: string
  readonly #serving: () => readonly WorkerLink[]
  readonly #nextSeq: () => number
  readonly #hub: TopicsOfPlugin
  readonly #open = new Map<number, Open>()
  /** What the plugin offers, once it is loaded. */
  #offered: readonly (keyof ManagedCalls)[] = []
  #leave = (): void => {}

  /** @param hub of the plugin's workers, those of the time before a reload included */
  constructor(
    plugin: string,
    serving: () => readonly WorkerLink[],
    nextSeq: () => number,
    hub: TopicsOfPlugin,
  ) {
    this.#plugin = plugin
    this.#serving = serving
    this.#nextSeq = nextSeq
    this.#hub = hub
  }

  /** The topic, of all workers as one. */
  callsOf<T extends keyof ManagedCalls>(topic: T): ManagedCalls[T] {
    return mergedCalls(topic, () => {
      const [first, ...others] = this.#hub.instances(this.#instances, topic)
      if (first === undefined) throw this.#gone('has no worker that can be asked at this moment: ask again')
      return [first, ...others]
    })
  }

  /** It is loaded. */
  begin(offered: readonly (keyof ManagedCalls)[]): void {
    this.#offered = offered
    this.#leave = this.#hub.enter(this.#instances)
  }

  readonly #instances: InstancesOf = topic => {
    if (!this.#offered.includes(topic)) return []
    return this.#serving().map(link => (part, args) => this.#call(link, topic, part, args))
  }

  #call(
    link: WorkerLink,
    topic: keyof ManagedCalls,
    part: string,
    args: readonly unknown[],
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const open = [...this.#open.values()].filter(one => one.link === link).length
      if (open >= MAX_OPEN) return reject(this.#gone(`has not answered ${MAX_OPEN} requests`))
      const seq = this.#nextSeq()
      const slow = (): void => {
        const one = this.#open.get(seq)
        one?.settle?.reject(
          this.#gone(`has not answered within ${PATIENCE / 1000} s; what was asked may be done`),
        )
        if (one !== undefined) one.settle = undefined
      }
      const timer = after(PATIENCE, slow, reject).unref()
      this.#open.set(seq, {
        link,
        topic,
        part,
        settle: { resolve, reject },
        timer,
        rows: [],
        left: undefined,
      })
      link.send({ do: 'manage', seq, topic, part, args })
    })
  }

  /** Only the worker that was asked can answer, once, and only what the function answers. */
  take(link: WorkerLink, { seq, text, left = 0, error }: Answer): void {
    const one = this.#open.get(seq)
    if (one?.link !== link) return link.expel()
    const { topic, part, settle, timer } = one
    if (error === undefined) {
      const value = readAnswer(text)
      const isNext = one.left === undefined || left === one.left - 1
      if (!isNext || !isAnswer(topic, part, value)) return link.expel()
      if (left > 0 || one.left !== undefined) {
        if (!Array.isArray(value)) return link.expel()
        for (const row of value) one.rows.push(row)
      }
      one.left = left
      if (left > 0) {
        link.send({ do: 'page', seq, isWanted: settle !== undefined })
        if (settle !== undefined) return
      } else settle?.resolve(one.rows.length > 0 ? one.rows : value)
    } else settle?.reject(new ProxyError(error.code, error.message))
    clearTimeout(timer)
    this.#open.delete(seq)
  }

  /** It answers nothing more. */
  lose(link: WorkerLink, why: string): void {
    for (const [seq, one] of this.#open) {
      if (one.link !== link) continue
      this.#open.delete(seq)
      clearTimeout(one.timer)
      one.settle?.reject(
        this.#gone(`has lost the worker that was asked, and what was asked may be done: ${why}`),
      )
    }
  }

  unload(): void {
    this.#leave()
    for (const link of new Set([...this.#open.values()].map(one => one.link)))
      this.lose(link, 'it has been unloaded')
  }

  #gone(why: string): ProxyError {
    return new ProxyError('PTC_PLUGIN_WORKER', `plugin ${this.#plugin} ${why}`)
  }
}

/** Null is what a worker sends of undefined. */
function readAnswer(text: string): unknown {
  try {
    return JSON.parse(text) ?? undefined
  } catch {
    return null
  }
}
