/**
 * The processes that serve, as the process sees them that has started them.
 *
 *     starting ──serving──> serving ──exit──> gone ──back-off──> starting
 *
 * A process that ends is replaced, after a time that doubles while its successors end as well. Each has a place, which its successor
 * takes.
 */
import type { Worker } from 'node:cluster'
import { describe } from '../base/thrown.js'
import { after } from '../base/timer.js'
import { ASK_LIMITS, Calls, type Handlers } from './calls.js'
import type { HandedOver } from './handed-over.js'

/** Milliseconds until a process is replaced: doubled each time, unless one has served for so long in between. */
const FIRST_DELAY = 100
const MAX_DELAY = 30_000
const SOUND_AFTER = 60_000

export interface SupervisorOptions {
  readonly fork: () => Worker
  /** What a process may call, by its place. @param started its number: a place has another one after each end */
  readonly handlersFor: (place: ServingProcess, started: number) => Handlers
  readonly error: (message: string) => void
  readonly handedOver: HandedOver
  /** Called with the number of a process that has ended. */
  readonly onEnded: (started: number) => void
}

/** The place of one process. */
export class ServingProcess {
  /** From 0. */
  readonly index: number
  readonly #options: SupervisorOptions
  #worker: Worker | undefined
  #calls: Calls | undefined
  static #count = 0
  #started = 0
  #delay = 0
  #startedAt = 0
  #isServing = false
  #isReachable = false
  #isReplaced = true
  #isStopping = false
  #settled: Promise<void> = Promise.resolve()
  #whenSettled: (() => void)[] = []
  #whenEnded: (() => void)[] = []

  constructor(index: number, options: SupervisorOptions) {
    this.index = index
    this.#options = options
  }

  /** Tells the process that runs here from those that have ended: processes are numbered in the order of their start. */
  get started(): number {
    return this.#started
  }

  get isServing(): boolean {
    return this.#isServing
  }

  /** Whether it answers calls: from its first one on, long before it serves. */
  get isReachable(): boolean {
    return this.#isReachable
  }

  /** It takes no new clients, and ends. */
  get isStopping(): boolean {
    return this.#isStopping
  }

  get pid(): number | undefined {
    return this.#worker?.process.pid
  }

  /** The first start of all: where it cannot serve, no other could. @returns as `start` */
  startFirst(): Promise<void> {
    this.#isReplaced = false
    return this.start()
  }

  /** Fulfilled while it does not start. */
  get settled(): Promise<void> {
    return this.#settled
  }

  /** @returns when it serves, or has ended before it could */
  start(): Promise<void> {
    const started = ++ServingProcess.#count
    this.#started = started
    const worker = this.#options.fork()
    const calls = new Calls(message => void worker.send(message), this.#options.handlersFor(this, started))
    this.#worker = worker
    this.#calls = calls
    this.#startedAt = performance.now()
    const closeUntaken = this.#options.handedOver.note(worker.process)
    worker.on('message', message => calls.receive(message))
    worker.on('error', cause => this.#options.error(`process ${worker.process.pid}: ${describe(cause)}`))
    worker.once('exit', (code, signal) => {
      closeUntaken()
      this.#options.onEnded(started)
      this.#onExit(worker, calls, signal ?? `status ${code}`)
    })
    this.#settled = new Promise(resolve => this.#whenSettled.push(resolve))
    return this.#settled
  }

  /** It has made its first call, and answers calls from now on. */
  onReachable(): void {
    this.#isReachable = true
  }

  /** It serves from now on. */
  onServing(): void {
    this.#isServing = true
    this.#isReplaced = true
    this.#settle()
  }

  /** Waits without a limit, as a reload does. @throws {ProxyError} what the function threw there, or PTC_PROCESS_GONE */
  call(name: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#callsNow.call(name, ...args)
  }

  /** As `call`, with limits, for what an operator asks. @throws {ProxyError} as `call`, and PTC_PROCESS_SILENT from a process that hangs */
  ask(name: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#callsNow.ask(`process ${this.pid}`, ASK_LIMITS, name, ...args)
  }

  get #callsNow(): Calls {
    return this.#calls ?? new Calls(() => {}, {})
  }

  /** It ends its requests, and is not replaced. @param grace milliseconds until it is ended by force */
  async stop(grace: number): Promise<void> {
    this.#isStopping = true
    const worker = this.#worker
    if (worker === undefined || worker.isDead()) return
    const ended = new Promise<void>(resolve => this.#whenEnded.push(resolve))
    if (this.#isServing) this.call('stop').catch(() => worker.kill('SIGTERM'))
    else worker.kill('SIGTERM')
    const timer = after(grace, () => worker.kill('SIGKILL'), this.#onFault)
    await ended
    clearTimeout(timer)
  }

  readonly #onFault = (why: Error): void => this.#options.error(describe(why))

  #settle(): void {
    for (const resolve of this.#whenSettled.splice(0)) resolve()
  }

  #onExit(worker: Worker, calls: Calls, how: string): void {
    calls.end(`process ${worker.process.pid} has ended`)
    this.#isServing = false
    this.#isReachable = false
    this.#settle()
    for (const resolve of this.#whenEnded.splice(0)) resolve()
    if (this.#isStopping || !this.#isReplaced) return
    const served = performance.now() - this.#startedAt
    this.#delay = served > SOUND_AFTER ? FIRST_DELAY : Math.min(MAX_DELAY, this.#delay * 2 || FIRST_DELAY)
    this.#options.error(
      `process ${worker.process.pid} has ended (${how}); another takes its place in ${this.#delay / 1000} s`,
    )
    const replace = (): void => {
      if (!this.#isStopping) void this.start()
    }
    after(this.#delay, replace, this.#onFault)
  }
}
