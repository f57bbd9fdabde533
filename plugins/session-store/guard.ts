import type { Store } from './store.js'

/** After this many late calls in a row the store is not called for a while. */
const MAX_LATE = 5
/** How long the store is not called, beyond the deadline of a call, in milliseconds. */
const REST = 1000
/** The largest number of calls in flight: the deadline frees the client, and not the call. */
const MAX_PENDING = 1000
/** The shortest time between two reports of failures, in milliseconds. */
const QUIET = 10_000

/**
 * Isolates handshakes from failures of a store: a call that fails, or is late, finds nothing.
 *
 * Life: asking -> resting, after several calls in a row were out of time -> asking. A slow store then
 * costs the deadline for a few handshakes, and not for each.
 */
export class Guard {
  readonly #store: Store
  readonly #deadline: number
  readonly #tell: (message: string) => void
  #late = 0
  #pending = 0
  #restsUntil = 0
  #quietUntil = 0
  #untold = 0

  /** @param deadline milliseconds for one call */
  constructor(store: Store, deadline: number, tell: (message: string) => void) {
    this.#store = store
    this.#deadline = deadline
    this.#tell = tell
  }

  /** Whether it is worth asking now. */
  get isResting(): boolean {
    return performance.now() < this.#restsUntil
  }

  get(name: string, signal: AbortSignal): Promise<Buffer | undefined> {
    if (this.isResting) return Promise.resolve(undefined)
    return this.#within(() => this.#store.get(name), signal)
  }

  set(name: string, bytes: Buffer, lifetime: number): void {
    if (!this.isResting) void this.#within(() => this.#store.set(name, bytes, lifetime))
  }

  delete(name: string): void {
    if (!this.isResting) void this.#within(() => this.#store.delete(name))
  }

  /** Tells of a failure, but not of each one. */
  failed(why: string): void {
    const now = performance.now()
    if (now < this.#quietUntil) {
      this.#untold++
      return
    }
    const before = this.#untold > 0 ? ` (and ${this.#untold} failures before)` : ''
    this.#untold = 0
    this.#quietUntil = now + QUIET
    this.#tell(`the session store fails: ${why}${before}; clients make full handshakes`)
  }

  #within<T>(begin: () => Promise<T>, signal?: AbortSignal): Promise<T | undefined> {
    if (this.#pending >= MAX_PENDING) {
      this.failed(`${MAX_PENDING} calls wait for an answer`)
      return Promise.resolve(undefined)
    }
    this.#pending++
    const call = begin().finally(() => {
      this.#pending--
    })
    return new Promise(resolve => {
      const end = (value?: T): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        resolve(value)
      }
      const onAbort = (): void => end()
      const timer = setTimeout(() => {
        this.#onLate()
        end()
      }, this.#deadline)
      signal?.addEventListener('abort', onAbort)
      call.then(
        value => {
          this.#late = 0
          end(value)
        },
        (cause: unknown) => {
          this.failed(cause instanceof Error ? cause.message : String(cause))
          end()
        },
      )
    })
  }

  #onLate(): void {
    this.failed(`no answer within ${this.#deadline} ms`)
    if (++this.#late < MAX_LATE) return
    this.#late = 0
    this.#restsUntil = performance.now() + this.#deadline + REST
  }
}
