/** Sealed items that the processes of a fleet share in Redis, beside the log and the state of plugins. Each has an end. */
import { ErrorReply } from '@redis/client'
import type { SharedKind, SharedStore } from '../../base/shared-store.js'
import type { StoreKeys } from '../../base/store-keys.js'
import { describe } from '../../base/thrown.js'
import { after } from '../../base/timer.js'
import { type RedisClient, readUpTo } from './link.js'

/** After so many late answers in a row nothing is asked for a while. */
const MAX_LATE = 3
/** Milliseconds for which nothing is asked then. */
const REST = 1000
/** Calls without an answer; beyond it nothing is asked. The limit of time frees the caller, not the call. */
const MAX_PENDING = 1000
/** Bytes; a larger item is not stored. */
const MAX_ITEM = 131_072
/** Bytes of one with its seal, at most. */
const MAX_SEALED = MAX_ITEM + 1024
const NOTHING: readonly undefined[] = []

export interface SharedItemsOptions {
  readonly client: Pick<RedisClient, 'sendCommand'>
  readonly keys: StoreKeys
  /** Begins all names in Redis. */
  readonly prefix: string
  /** Milliseconds for an answer. */
  readonly limit: number
  /** Milliseconds that items live at most; 0: none of that kind is shared. */
  readonly lives: Readonly<Record<SharedKind, number>>
  /** See {@link SharedStore.readySince}. */
  readonly readySince: () => number | undefined
  /** Called when Redis is slow: nothing is asked for a second. */
  readonly onSlow: () => void
  /** Called with the command that Redis has refused, and why. */
  readonly onRefused: (why: string) => void
}

/**
 * Life: asking -> resting, after several late answers in a row -> asking. So a slow Redis costs the limit for a few handshakes,
 * not for each.
 */
export class SharedItems implements SharedStore {
  readonly #options: SharedItemsOptions
  #late = 0
  #pending = 0
  /** By the clock of `performance.now()`. */
  #restsUntil = 0

  constructor(options: SharedItemsOptions) {
    this.#options = options
  }

  get readySince(): number | undefined {
    const isResting = performance.now() < this.#restsUntil || this.#pending >= MAX_PENDING
    return isResting ? undefined : this.#options.readySince()
  }

  lifeOf(kind: SharedKind): number {
    return this.#options.lives[kind]
  }

  async get(kind: SharedKind, ids: readonly string[]): Promise<readonly (Buffer | undefined)[]> {
    const names = ids.map(id => this.#nameOf(kind, id))
    const reply = await this.#within(names.map(name => readUpTo(name, MAX_SEALED)))
    return reply === undefined ? NOTHING : names.map((name, i) => this.#open(reply[i], name))
  }

  async take(kind: SharedKind, id: string): Promise<Buffer | undefined> {
    const name = this.#nameOf(kind, id)
    const [value, deleted] = (await this.#within([readUpTo(name, MAX_SEALED), ['DEL', name]])) ?? []
    return Number(deleted) === 1 ? this.#open(value, name) : undefined // else another process has it
  }

  set(kind: SharedKind, id: string, item: Uint8Array, life: number): void {
    if (item.length > MAX_ITEM) return
    const name = this.#nameOf(kind, id)
    this.#send(['SET', name, this.#options.keys.seal(item, Buffer.from(name)), 'PX', `${life}`])
  }

  delete(kind: SharedKind, ids: readonly string[]): void {
    if (ids.length > 0) this.#send(['DEL', ...ids.map(id => this.#nameOf(kind, id))])
  }

  #nameOf(kind: SharedKind, id: string): string {
    return `${this.#options.prefix}${kind}:${this.#options.keys.secretNameOf(Buffer.from(id))}`
  }

  #open(value: unknown, name: string): Buffer | undefined {
    return Buffer.isBuffer(value) ? this.#options.keys.open(value, Buffer.from(name)) : undefined
  }

  #send(command: (string | Buffer)[]): void {
    void this.#call(command)
  }

  /** Undefined if the call fails. A lost connection is not reported here: `SharedLog` loses its own with it, and reports that. */
  async #call(command: (string | Buffer)[]): Promise<unknown> {
    this.#pending += 1
    try {
      return await this.#options.client.sendCommand(command)
    } catch (cause) {
      if (cause instanceof ErrorReply) this.#options.onRefused(`${command[0]}: ${describe(cause)}`)
      return undefined
    } finally {
      this.#pending -= 1
    }
  }

  /** The answers; undefined where they do not come in time. */
  #within(commands: readonly (string | Buffer)[][]): Promise<readonly unknown[] | undefined> {
    return new Promise(resolve => {
      let isOver = false
      const late = (): void => {
        if (isOver) return
        isOver = true
        this.#onLate()
        resolve(undefined)
      }
      // This process itself may have been late: then the answer has come, and is to be read.
      const timer = after(this.#options.limit, () => setImmediate(late), late)
      void Promise.all(commands.map(command => this.#call(command))).then(replies => {
        clearTimeout(timer)
        if (isOver) return
        isOver = true
        this.#late = 0
        resolve(replies)
      })
    })
  }

  #onLate(): void {
    if (++this.#late < MAX_LATE) return
    this.#late = 0
    this.#restsUntil = performance.now() + REST
    this.#options.onSlow()
  }
}
