import type { CommandLine } from '../programs/command-line.js'
import { Helper } from './helper.js'

/** What the helpers need of their plugin's context. */
export interface HelpersHost {
  readonly debug: (message: string) => void
  readonly error: (message: string) => void
  readonly schedule: (fn: () => unknown, ms: number) => void
}

export interface HelpersTerms {
  readonly command: CommandLine
  readonly cwd: string
  /** Processes. */
  readonly children: number
  /** Questions to one process at a time; 0 is one, without a channel's number. */
  readonly concurrency: number
}

/** A question to a helper that has no reply after this time has no reply at all, milliseconds. */
const HANG = 60_000
const SWEEP = 5000
/** The pause before a helper is started again doubles from the first to the second, milliseconds. */
const FIRST_PAUSE = 250
const LAST_PAUSE = 30_000
/** A helper that has lived so long ended by accident: its successor starts after the first pause. */
const GOOD_LIFE = 60_000

interface Slot {
  helper: Helper | undefined
  since: number
  pause: number
}

interface Waiting {
  readonly request: string
  readonly settle: (reply: string) => void
  readonly fail: (cause: Error) => void
  isGone: boolean
}

/**
 * Several processes of one helper. A question goes to the one with the fewest; with all of them busy it waits, and with
 * too many waiting, or none running, it fails at once.
 */
export class Helpers {
  readonly #terms: HelpersTerms
  readonly #host: HelpersHost
  readonly #slots: readonly Slot[]
  readonly #waiting: Waiting[] = []
  #isClosed = false

  constructor(terms: HelpersTerms, host: HelpersHost) {
    this.#terms = terms
    this.#host = host
    this.#slots = Array.from({ length: terms.children }, () => ({
      helper: undefined,
      since: 0,
      pause: FIRST_PAUSE,
    }))
  }

  /** Starts all of them. @throws what kept one from running */
  async start(): Promise<void> {
    for (const slot of this.#slots) this.#startOne(slot)
    await Promise.all(this.#slots.map(({ helper }) => helper?.started()))
    this.#sweep()
  }

  /**
   * The text of a helper's reply.
   * @param signal when it aborts, nothing waits for the reply any more
   * @throws {Error} when there will be none
   */
  ask(request: string, signal: AbortSignal): Promise<string> {
    return new Promise((settle, reject) => {
      const waiting: Waiting = { request, settle, fail: reject, isGone: false }
      signal.addEventListener(
        'abort',
        () => {
          waiting.isGone = true
          reject(new Error('nothing waits for the answer any more'))
        },
        { once: true },
      )
      const queued = this.#waiting.filter(({ isGone }) => !isGone)
      this.#waiting.splice(0, this.#waiting.length, ...queued, waiting)
      this.#serve()
      if (this.#waiting.length > this.#maxWaiting) this.#drop(this.#waiting.pop(), 'all helpers are busy')
    })
  }

  close(): void {
    this.#isClosed = true
    for (const { helper } of this.#slots) helper?.kill('the plugin is unloaded')
  }

  get #maxWaiting(): number {
    return 2 * this.#terms.children * Math.max(1, this.#terms.concurrency)
  }

  #serve(): void {
    const most = Math.max(1, this.#terms.concurrency)
    while (this.#waiting.length > 0) {
      const running = this.#slots.flatMap(({ helper }) => (helper === undefined ? [] : [helper]))
      if (running.length === 0) {
        for (const waiting of this.#waiting.splice(0)) this.#drop(waiting, 'no helper is running')
        return
      }
      const helper = running.reduce((a, b) => (b.load < a.load ? b : a))
      if (helper.load >= most) return
      const waiting = this.#waiting.shift()
      if (waiting === undefined || waiting.isGone) continue
      helper.ask(waiting.request, reply => {
        if ('text' in reply) waiting.settle(reply.text)
        else this.#drop(waiting, `its helper is gone: ${reply.lost}`)
        if (!helper.isEnded) this.#serve()
      })
    }
  }

  #drop(waiting: Waiting | undefined, why: string): void {
    waiting?.fail(new Error(why))
  }

  #startOne(slot: Slot): void {
    if (this.#isClosed) return
    const { command, cwd, concurrency } = this.#terms
    slot.since = performance.now()
    const debug = (line: string): void => this.#host.debug(`helper ${helper.pid}: ${line}`)
    const helper = new Helper(command, cwd, concurrency > 0, debug, why => this.#ended(slot, helper, why))
    slot.helper = helper
    this.#serve()
  }

  #ended(slot: Slot, helper: Helper, why: string): void {
    slot.helper = undefined
    if (this.#isClosed) return
    const lived = performance.now() - slot.since
    slot.pause = lived >= GOOD_LIFE ? FIRST_PAUSE : slot.pause
    const { pause } = slot
    slot.pause = Math.min(2 * pause, LAST_PAUSE)
    this.#host.error(
      `helper ${helper.pid ?? this.#terms.command.program} is gone: ${why}; started again in ${pause} ms`,
    )
    this.#host.schedule(() => this.#startOne(slot), pause)
    this.#serve()
  }

  #sweep(): void {
    for (const { helper } of this.#slots) {
      const { oldest } = helper ?? {}
      if (oldest !== undefined && performance.now() - oldest > HANG) helper?.kill(`no reply for ${HANG} ms`)
    }
    this.#host.schedule(() => this.#sweep(), SWEEP)
  }
}
