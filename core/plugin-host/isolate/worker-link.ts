// Longer than 250 lines because what was sent, what has returned, and whether the worker still turns are one state.
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { ErrorCode, ProxyError } from '../../base/errors.js'
import { codeOf, describe } from '../../base/thrown.js'
import { after, every } from '../../base/timer.js'
import { readFromWorker } from './from-worker.js'
import type { FromWorker, Offers, Said, ToWorker } from './messages.js'
import type { Thread } from './threads.js'

/** What a link tells its owner. */
export interface LinkEvents {
  onLoad(offers: Offers): void
  onMessage(message: Said): void
  /** Questions that have not begun, behind one that keeps its worker busy. Told at each look, as others may be able to take them later. */
  onStalled(seqs: readonly number[]): void
  /** At most once. `waiting` is what it had not begun. */
  onLost(why: string, code: ErrorCode, waiting: readonly number[]): void
}

/** How often a worker that has something to do is looked at; milliseconds. */
const TICK = 25
/** How many looks make a worker one that should have the next question only if all are like it. */
const STALL_TICKS = 2
/** How many looks go by before an idle-looking worker that holds questions is asked whether it is still there. */
const PING_TICKS = 10

/** How long a closed port waits for the reason of its end. */
const END_MS = 1000
const BREACH = 'it said what no worker says, and was ended'
/** How many messages are taken at once: a worker can post faster than they are read. */
const MAX_DRAINED = 1000

/**
 * One worker, from outside: what it was sent, how far it has come, whether it still turns.
 *
 * Life: loading -> serving -> lost or unloaded. Everything sent is worked through in order. A look at the worker is a
 * count and no clock: a proxy that was busy itself must not take its worker for one that hangs.
 */
export class WorkerLink {
  readonly #thread: Thread
  readonly #events: LinkEvents
  readonly #maxTicks: number
  /** Sent and not returned, oldest first. */
  #running: number[] = []
  /** Asked and not answered. */
  readonly #open = new Set<number>()
  /** Called when something has returned, or never will. */
  readonly #returns = new Map<number, () => void>()
  /** No longer wanted, of which the worker may not have heard. */
  readonly #withdrawn = new Set<number>()
  readonly #managedAt: () => string | undefined
  #toldManagedAt: string | undefined
  #timer: NodeJS.Timeout | undefined
  #ticks = 0
  #idleTicks = 0
  #nextPing = -1
  #state: 'loading' | 'serving' | 'over' = 'loading'

  /**
   * @param hangAfter milliseconds without a sign of life after which it is given up
   * @param managedAt the address of the management port, which is sent to the worker
   */
  constructor(
    thread: Thread,
    hangAfter: number,
    events: LinkEvents,
    managedAt: () => string | undefined = () => undefined,
  ) {
    this.#managedAt = managedAt
    this.#thread = thread
    this.#events = events
    this.#maxTicks = Math.ceil(hangAfter / TICK)
    thread.port.on('message', this.#hear)
    thread.port.once('close', () => this.#checkEnd())
    void thread.ended.then(cause => this.#lost(cause === undefined ? 'it ended' : whyOf(cause)))
  }

  get isServing(): boolean {
    return this.#state === 'serving'
  }

  /** Has not moved for a while, though it has something to do. */
  get isStalled(): boolean {
    if (this.#ticks >= STALL_TICKS) this.#drain()
    return this.#ticks >= STALL_TICKS
  }

  /** Questions and other things that it has to work through, and questions it holds. */
  get load(): number {
    return this.#running.length * 1000 + this.#open.size
  }

  /** Questions and other things that it has to work through. */
  get backlog(): number {
    return this.#running.length
  }

  /** @param onReturn called when the plugin's code has returned from it, or its worker has ended */
  send(message: Exclude<ToWorker, { do: 'ping' }>, onReturn?: () => void): void {
    if (this.#state === 'over') return onReturn?.()
    if (message.do === 'abort') this.#settle(message.seq)
    if (!isWork(message)) return this.#thread.port.postMessage(message)
    this.#tellManagedAt()
    this.#thread.port.postMessage(message)
    this.#running.push(message.seq)
    if (onReturn !== undefined) this.#returns.set(message.seq, onReturn)
    if (message.do === 'ask') this.#open.add(message.seq)
    this.#timer ??= every(TICK, () => this.#look(), this.#onFault)
  }

  #tellManagedAt(): void {
    const at = this.#managedAt()
    if (at === this.#toldManagedAt) return
    this.#toldManagedAt = at
    this.#thread.port.postMessage({ do: 'managed-at', at } satisfies ToWorker)
  }

  /** Lets it end by itself, which the promise tells. */
  async unload(): Promise<void> {
    if (this.#state === 'over') return
    this.#end()
    this.#thread.port.postMessage({ do: 'unload' } satisfies ToWorker)
    await this.#thread.ended
    this.#thread.port.close()
  }

  /** It is of no use any more. */
  giveUp(why: string): void {
    this.#lost(why)
  }

  /** As `giveUp`, of one that does not keep to the protocol: nothing that it has said meanwhile counts. */
  expel(): void {
    this.#break(BREACH)
  }

  /** What cannot be taken, for whatever reason, costs this worker and nothing else. */
  readonly #hear = (message: unknown): void => {
    try {
      const said = readFromWorker(message)
      if (said !== undefined && this.#mayHaveSaid(said)) this.#on(said)
      else this.#break(BREACH)
    } catch (cause) {
      this.#break(`what it said cannot be taken: ${describe(cause)}`)
    }
  }

  /** Whether it was asked about what it speaks of, or notified of it. */
  #mayHaveSaid(message: FromWorker): boolean {
    switch (message.did) {
      case 'load':
      case 'not-load':
        return this.#state !== 'serving'
      case 'return':
        return this.#running.includes(message.seq) || this.#withdrawn.has(message.seq)
      case 'withdraw':
        return this.#withdrawn.has(message.seq)
      case 'answer':
      case 'fail':
        return this.#open.has(message.seq) || this.#withdrawn.has(message.seq)
      case 'overdo':
      case 'revoke':
      case 'log':
      case 'call':
      case 'managed':
      case 'metric':
      case 'measure':
        return true
    }
  }

  #on(message: FromWorker): void {
    // What the plugin writes when it is unloaded is still worth a line.
    if (this.#state === 'over') return message.did === 'log' ? this.#events.onMessage(message) : undefined
    this.#ticks = 0
    this.#idleTicks = 0
    if (message.did === 'load') {
      this.#state = 'serving'
      return this.#events.onLoad({ hooks: message.hooks, topics: message.topics })
    }
    if (message.did === 'not-load') return this.#lost(message.message, message.code)
    if (message.did === 'withdraw') return void this.#withdrawn.delete(message.seq)
    if (message.did === 'return') {
      if (this.#running[0] === message.seq) this.#running.shift()
      else this.#running = this.#running.filter(seq => seq !== message.seq)
      this.#returns.get(message.seq)?.()
      return void this.#returns.delete(message.seq)
    }
    if (message.did === 'answer' || message.did === 'fail') this.#open.delete(message.seq)
    this.#events.onMessage(message)
  }

  #settle(seq: number): void {
    this.#open.delete(seq)
    this.#withdrawn.add(seq)
    // The oldest may be running; those behind it will not begin.
    this.#running = this.#running.filter((running, i) => i === 0 || running !== seq)
  }

  #look(): void {
    this.#drain()
    if (this.#state === 'over') return
    if (this.#running.length === 0 && this.#open.size === 0) return this.#rest()
    if (this.#running.length === 0) {
      this.#ticks = 0
      if (++this.#idleTicks >= PING_TICKS) this.#ping()
      return
    }
    this.#ticks++
    if (this.#ticks > this.#maxTicks) return this.#lost('it does not return from its call, and was ended')
    if (this.#ticks >= STALL_TICKS && this.#running.length > 1) {
      this.#events.onStalled(this.#running.slice(1).filter(seq => this.#open.has(seq)))
    }
  }

  #ping(): void {
    this.#idleTicks = 0
    const seq = this.#nextPing--
    this.#running.push(seq)
    this.#thread.port.postMessage({ do: 'ping', seq } satisfies ToWorker)
  }

  readonly #onFault = (why: ProxyError): void => this.#break(describe(why))

  #rest(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#ticks = 0
  }

  /** Reads the messages that have arrived, without waiting for the event loop. */
  #drain(): void {
    drain(this.#thread.port, this.#hear)
  }

  /** The port may close before the thread's end says why it came. */
  #checkEnd(): void {
    after(END_MS, () => this.#lost('it ended'), this.#onFault)
  }

  #lost(why: string, code: ErrorCode = 'PTC_PLUGIN_WORKER'): void {
    // What it said before its end counts.
    this.#drain()
    this.#break(why, code)
  }

  /** As `#lost`, of one whose words count no more. */
  #break(why: string, code: ErrorCode = 'PTC_PLUGIN_WORKER'): void {
    if (this.#state === 'over') return
    const waiting = this.#running.slice(1)
    this.#end()
    this.#thread.kill()
    this.#events.onLost(why, code, waiting)
  }

  #end(): void {
    this.#state = 'over'
    this.#rest()
    for (const onReturn of this.#returns.values()) onReturn()
    this.#returns.clear()
  }
}

/** What runs code of the plugin. */
type Work = Extract<ToWorker, { do: 'ask' | 'tell' | 'peer' | 'manage' }>

const isWork = (message: ToWorker): message is Work =>
  message.do === 'ask' || message.do === 'tell' || message.do === 'peer' || message.do === 'manage'

function drain(port: MessagePort, hear: (message: unknown) => void): void {
  for (let i = 0; i < MAX_DRAINED; i += 1) {
    const received: { message: unknown } | undefined = receiveMessageOnPort(port)
    if (received === undefined) return
    hear(received.message)
  }
}

function whyOf(cause: unknown): string {
  return codeOf(cause) === 'ERR_WORKER_OUT_OF_MEMORY' ? 'it ran out of memory' : describe(cause)
}
