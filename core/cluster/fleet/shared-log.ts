/**
 * The log of a fleet: a stream in Redis that all processes append to and all read, from the first entry that they have not seen.
 * An entry made while Redis is away waits here, and is appended when it is back.
 *
 *     append ─> waiting ─XADD─> stream ─XREAD─> every other process, in the order of the stream
 *
 * Entries live for a day. A process that was away for longer, or finds that Redis has lost its memory, may have missed some: then
 * `onGap` is called, and the process does not rely on what it knows. A Redis that was restored from an older snapshot keeps its
 * epoch, but its stream lacks what this process has read or appended last. Then this process appends a note that entries are
 * missing, and again those of the last day whose topics must not be lost. It does the same where the stream is shorter than it was.
 *
 * A program that can write to Redis can take entries out. Each process numbers its own, so that what is missing is noticed with the
 * next; what is missing at the end of the stream is noticed by all that have read it.
 *
 * Longer than 250 lines because what is read, what is appended and what was lost share one state of one connection.
 */
import { randomBytes } from 'node:crypto'
import { ClientOfflineError } from '@redis/client'
import type { FleetStatus } from '../../admin/admin-api.js'
import { ProxyError } from '../../base/errors.js'
import type { StoreKeys } from '../../base/store-keys.js'
import { after } from '../../base/timer.js'
import { type RedisClient, type RedisPlace, redisClient } from './link.js'
import { LinkState } from './link-state.js'
import {
  EntryNumbers,
  entriesIn,
  isInTime,
  isYoung,
  LIFE,
  MAX_SKEW,
  MAX_WAY,
  newestIn,
  timeOf,
} from './stream-entries.js'
import { whyLost } from './why-lost.js'

/** Milliseconds for one wait for entries; the connection may be silent for a little longer. */
const BLOCK = 2000
const SILENCE = 2 * BLOCK
/** Milliseconds in which Redis must answer with the earlier entries. */
const CATCH_UP = 3000
/** Milliseconds until a read that has failed is tried again. */
const PAUSE = 200
/** Entries that wait for Redis; beyond it the oldest are dropped, and a note that entries are missing takes their place. */
const MAX_WAITING = 10_000
/** Entries that are read at once. */
const BATCH = 500
/** Own entries that are kept to be appended again. */
const MAX_APPENDED = 10_000

export interface SharedLogOptions {
  readonly redis: RedisPlace
  readonly keys: StoreKeys
  /** Begins all names in Redis. */
  readonly prefix: string
  /** Whether entries of a topic are appended again to a Redis that was restored without them. */
  readonly isRepeated: (topic: string) => boolean
  /** Called with each entry of another process. */
  readonly onEntry: (topic: string, entry: unknown) => void
  /** Called when entries may have been missed. */
  readonly onGap: () => void
  /** Called with the reason when the connection is lost, and without one when it is back. */
  readonly onState: (lost: string | undefined) => void
}

interface Waiting {
  readonly topic: string
  readonly entry: unknown
  /** From its first attempt on: Redis may have it, though its answer was lost. */
  number?: number
}

/** An entry as it is sealed. */
interface SealedEntry extends Waiting {
  /** Names the process that has written it. */
  readonly self: string
  /** That process numbers its entries, from 1. */
  readonly number: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

export class SharedLog {
  readonly #options: SharedLogOptions
  readonly #stream: string
  readonly #epochKey: string
  /** Names this process in its entries. */
  readonly #self = randomBytes(12).toString('base64url')
  readonly #reader: RedisClient
  readonly #writer: RedisClient
  readonly #waiting: Waiting[] = []
  /** Own entries in the stream that would be appended again, oldest first. */
  #appended: (Waiting & { readonly id: string })[] = []
  #isFlushing = false
  #onCaughtUp = (): void => {}
  #isCaughtUp = false
  /** Fulfilled when all earlier entries were passed on, or Redis has not answered for 3 s. */
  readonly caughtUp = new Promise<void>(resolve => {
    const timer = after(CATCH_UP, resolve, () => resolve())
    this.#onCaughtUp = () => {
      clearTimeout(timer)
      resolve()
    }
  })
  /** The number of the last own entry. */
  #number = 0
  readonly #numbers = new EntryNumbers()
  #lastId = '0-0'
  #lastReadAt = Date.now()
  #epoch: string | undefined
  #isLost = false
  readonly #link = new LinkState()
  /** The stream was read to its end on this connection. */
  #isCurrent = false
  #readySince: number | undefined
  /** A call found no connection: whether Redis has the same memory afterwards is to be looked at. */
  #wasOffline = false
  #isClosed = false

  constructor(options: SharedLogOptions) {
    this.#options = options
    this.#stream = `${options.prefix}log`
    this.#epochKey = `${options.prefix}epoch`
    const onError = (cause: unknown): void => this.#lost(cause)
    this.#reader = redisClient(options.redis, SILENCE, onError)
    this.#writer = redisClient(options.redis, SILENCE, onError)
    this.#writer.on('ready', () => void this.#flush())
    void this.#read()
  }

  /**
   * Since when this process has read all entries of others, and has appended all of its own that must not be lost; milliseconds
   * since the epoch. Undefined while that is not so.
   */
  get readySince(): number | undefined {
    if (!this.#isReady) this.#readySince = undefined
    return this.#readySince
  }

  get #isReady(): boolean {
    const hasAll = this.#isCurrent && Date.now() - this.#lastReadAt < SILENCE
    return hasAll && !this.#waiting.some(({ topic }) => topic === GAP || this.#options.isRepeated(topic))
  }

  /** Its error may name the URL with its password. */
  get state(): FleetStatus {
    return this.#link.shown(this.#waiting.length)
  }

  /** Sends an entry to all others. @param entry a value that JSON can express */
  append(topic: string, entry: unknown): void {
    if (this.#options.isRepeated(topic)) this.#readySince = undefined
    this.#waiting.push({ topic, entry })
    if (this.#waiting.length > MAX_WAITING) this.#waiting.splice(0, 2, { topic: GAP, entry: null })
    void this.#flush()
  }

  close(): void {
    this.#isClosed = true
    for (const client of [this.#reader, this.#writer]) client.destroy()
  }

  async #flush(): Promise<void> {
    if (this.#isFlushing) return
    this.#isFlushing = true
    try {
      for (let next = this.#waiting[0]; next !== undefined && !this.#isClosed; next = this.#waiting[0]) {
        await this.#write(next)
        // Meanwhile a note that entries are missing may have taken its place, which is still to be appended.
        if (this.#waiting[0] === next) this.#waiting.shift()
      }
    } catch (cause) {
      this.#lost(cause)
      if (!this.#isClosed)
        after(
          PAUSE,
          () => void this.#flush(),
          () => {},
        )
    } finally {
      this.#isFlushing = false
    }
  }

  async #write(waiting: Waiting): Promise<void> {
    waiting.number ??= ++this.#number
    const { topic, entry, number } = waiting
    const text = JSON.stringify({ self: this.#self, number, at: Date.now(), topic, entry })
    const sealed = this.#options.keys.seal(Buffer.from(text), Buffer.from(this.#stream))
    const seconds = `${Math.ceil(LIFE / 1000)}`
    const id = await this.#writer.sendCommand([
      ...['XADD', this.#stream, 'MINID', '~', `${Date.now() - LIFE}`, '*', 'b'],
      sealed,
    ])
    if (this.#options.isRepeated(topic)) this.#appended.push({ topic, entry, id: String(id) })
    if (this.#appended.length > MAX_APPENDED || !isYoung(this.#appended[0]?.id ?? '')) this.#appended.shift()
    await this.#writer.sendCommand(['EXPIRE', this.#stream, seconds])
    await this.#writer.sendCommand(['EXPIRE', this.#epochKey, seconds])
  }

  async #read(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await this.#checkEpoch()
        const reply = await this.#reader.sendCommand([
          ...['XREAD', 'COUNT', `${BATCH}`],
          ...(this.#isCaughtUp ? ['BLOCK', `${BLOCK}`] : []),
          ...['STREAMS', this.#stream, this.#lastId],
        ])
        this.#lastReadAt = Date.now()
        this.#found()
        const entries = entriesIn(reply)
        // Others may have appended to a restored stream by now, so that it looks as if it had gone on.
        if (entries.length > 0 && !(await this.#hasLast())) continue
        for (const { id, sealed } of entries) {
          this.#lastId = id
          this.#take(id, sealed)
        }
        this.#isCaughtUp = entries.length === 0
        if (entries.length === BATCH) this.#isCurrent = false
        if (!this.#isCaughtUp) continue
        if (!(await this.#isWhole())) continue
        this.#isCurrent = true
        if (this.#isReady) this.#readySince ??= Date.now()
        this.#onCaughtUp()
      } catch (cause) {
        this.#lost(cause)
        await new Promise<void>(resolve => after(PAUSE, resolve, () => resolve()))
      }
    }
  }

  /**
   * Whether the stream has what was read from it last, after a look at the clocks.
   * @throws {ProxyError} PTC_CLUSTER_REDIS where the clocks differ, or the stream has an entry of the future: later ones would come before it
   */
  async #isWhole(): Promise<boolean> {
    const before = Date.now()
    const [time, reply] = await Promise.all([
      this.#reader.sendCommand(['TIME']),
      this.#reader.sendCommand(['XREVRANGE', this.#stream, '+', '-', 'COUNT', '1']),
    ])
    const now = Number((time as unknown as readonly unknown[])[0]) * 1000
    if (now < before - MAX_SKEW || now > Date.now() + MAX_SKEW)
      throw new ProxyError(
        'PTC_CLUSTER_REDIS',
        `the clock of this machine differs by ${Math.round((before - now) / 1000)} s from that of Redis`,
      )
    const newest = newestIn(reply)
    if (newest !== undefined && timeOf(newest) > now + MAX_WAY)
      throw new ProxyError(
        'PTC_CLUSTER_REDIS',
        `${this.#stream} has the entry ${newest}, which is of the future: DEL ${this.#stream}`,
      )
    return this.#hasLast()
  }

  /** Whether the stream has what was read from it last. If not, all processes are notified. */
  async #hasLast(): Promise<boolean> {
    if (!isYoung(this.#lastId) || (await this.#has(this.#lastId))) return true
    this.#onRestored(this.#appended.filter(({ id }) => isYoung(id)))
    return false
  }

  async #has(id: string): Promise<boolean> {
    return newestIn(await this.#reader.sendCommand(['XRANGE', this.#stream, id, id])) !== undefined
  }

  /** Another epoch is another memory of Redis; one that was not read for the life of an entry may lack entries. */
  async #checkEpoch(): Promise<void> {
    if (!this.#isLost && !this.#wasOffline && this.#epoch !== undefined) return
    const fresh = randomBytes(12).toString('base64url')
    const seconds = `${Math.ceil(LIFE / 1000)}`
    await this.#reader.sendCommand(['SET', this.#epochKey, fresh, 'NX', 'EX', seconds])
    const found = String(await this.#reader.sendCommand(['GET', this.#epochKey]))
    const before = this.#epoch
    this.#epoch = found
    const isOld = Date.now() - this.#lastReadAt > LIFE
    if (before === found && !isOld) await this.#checkMemory()
    this.#wasOffline = false
    if (before === undefined || (before === found && !isOld)) return
    this.#forget()
    this.#options.onGap()
  }

  /** The stream is read from its beginning. */
  #forget(): void {
    this.#lastId = '0-0'
    this.#isCurrent = false
    this.#readySince = undefined
  }

  /** After a connection was lost: whether the stream still has what was read from it last, and appended to it last. */
  async #checkMemory(): Promise<void> {
    const own = this.#appended.filter(({ id }) => isYoung(id))
    for (const id of [this.#lastId, own.at(-1)?.id]) {
      if (id === undefined || !isYoung(id)) continue // it may have expired
      if (!(await this.#has(id))) return this.#onRestored(own)
    }
  }

  /** Redis has an older memory: notifies all, and appends again own entries that must not be lost. */
  #onRestored(own: readonly Waiting[]): void {
    this.#appended = []
    const again = [{ topic: GAP, entry: null }, ...own.map(({ topic, entry }) => ({ topic, entry }))]
    // Numbers follow the order of the stream, and the first may have its own already.
    const at = this.#waiting[0]?.number === undefined ? 0 : 1
    this.#waiting.splice(at, 0, ...again)
    this.#forget()
    this.#options.onGap()
    void this.#flush()
  }

  #take(id: string, sealed: Buffer): void {
    const text = this.#options.keys.open(sealed, Buffer.from(this.#stream))
    if (text === undefined) return // another key, or a forgery
    const { self, number, at, topic, entry } = JSON.parse(text.toString()) as SealedEntry
    if (self === this.#self) return
    const order = this.#numbers.see(self, number)
    if (order === 'again' || (!isInTime(id, at) && !this.#options.isRepeated(topic))) return
    if (topic === GAP || order === 'gap') this.#options.onGap()
    if (topic !== GAP) this.#options.onEntry(topic, entry)
  }

  #lost(cause: unknown): void {
    this.#isCurrent = false
    this.#readySince = undefined
    // The client itself reports why there is no connection, or that it is not made yet.
    const isOffline = cause instanceof ClientOfflineError
    if (isOffline) this.#wasOffline = true
    if (!this.#isClosed) this.#link.lost(isOffline ? undefined : whyLost(cause))
    if (isOffline || this.#isLost || this.#isClosed) return
    this.#isLost = true
    this.#options.onState(whyLost(cause))
  }

  #found(): void {
    this.#link.found()
    if (!this.#isLost) return
    this.#isLost = false
    this.#options.onState(undefined)
  }
}

/** The topic of an entry that stands for others which were dropped. */
const GAP = ''
