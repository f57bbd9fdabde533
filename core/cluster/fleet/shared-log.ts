/**
 * What the processes of a fleet tell one another: a stream in Redis that all append to and all read, from the first entry that
 * they have not seen. An entry made while Redis is away waits here, and is appended when it is back.
 *
 *     append ─> waiting ─XADD─> stream ─XREAD─> every other process, in the order of the stream
 *
 * Entries live for a day. A process that was away for longer, or finds that Redis has lost its memory, may have missed some: it is
 * told so, and does not rely on what it knows. A Redis that was restored from an older snapshot keeps its epoch, but its stream lacks
 * what this process has read or appended last: then all are told that entries are missing, and this process appends again what it
 * has appended within the day, of the topics that must not be lost.
 *
 * Longer than 250 lines because what is read, what is appended and what was lost share one state of one connection.
 */
import { randomBytes } from 'node:crypto'
import { ClientOfflineError } from '@redis/client'
import type { FleetStatus } from '../../admin/admin-api.js'
import type { StoreKeys } from '../../base/store-keys.js'
import { describe } from '../../base/thrown.js'
import { after } from '../../base/timer.js'
import { type RedisClient, redisClient } from './link.js'
import { LinkState } from './link-state.js'

/** Milliseconds that an entry lives. */
const LIFE = 24 * 3_600_000
/** Milliseconds for one wait for entries; the connection may be silent for a little longer. */
const BLOCK = 2000
const SILENCE = 2 * BLOCK
/** Milliseconds in which Redis must say what has been told before this process. */
const CATCH_UP = 3000
/** Milliseconds until a read that has failed is tried again. */
const PAUSE = 200
/** Entries that wait for Redis; beyond it the oldest go, and the others are told that some are missing. */
const MAX_WAITING = 10_000
/** Entries that are read at once. */
const BATCH = 500
/** Own entries that are kept to be appended again. */
const MAX_APPENDED = 10_000

export interface SharedLogOptions {
  readonly url: string
  readonly keys: StoreKeys
  /** Begins all names in Redis. */
  readonly prefix: string
  /** Whether entries of a topic are appended again to a Redis that was restored without them. */
  readonly isRepeated: (topic: string) => boolean
  /** An entry of another process. */
  readonly onEntry: (topic: string, entry: unknown) => void
  /** Entries may have been missed. */
  readonly onGap: () => void
  /** The connection is lost, with the reason, or there again. */
  readonly onState: (lost: string | undefined) => void
}

interface Waiting {
  readonly topic: string
  readonly entry: unknown
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
  /** Fulfilled when all entries that had been there were told, or Redis does not answer for 3 s. */
  readonly caughtUp = new Promise<void>(resolve => {
    const timer = after(CATCH_UP, resolve, () => resolve())
    this.#onCaughtUp = () => {
      clearTimeout(timer)
      resolve()
    }
  })
  #lastId = '0-0'
  #lastReadAt = Date.now()
  #epoch: string | undefined
  #isLost = false
  readonly #link = new LinkState()
  /** All that had been told was read, on this connection. */
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
    this.#reader = redisClient(options.url, SILENCE, onError)
    this.#writer = redisClient(options.url, SILENCE, onError)
    this.#writer.on('ready', () => void this.#flush())
    void this.#read()
  }

  /**
   * Since when this process has read all that others tell, and all of its own that must not be lost has been told; milliseconds
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

  /** Tells all others. @param entry what JSON can say */
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
        // Meanwhile it may have given way to a note that entries are missing, which is still to be told.
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

  async #write({ topic, entry }: Waiting): Promise<void> {
    const text = JSON.stringify({ self: this.#self, topic, entry })
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
        for (const { id, sealed } of entries) {
          this.#lastId = id
          this.#take(sealed)
        }
        this.#isCaughtUp = entries.length === 0
        if (!this.#isCaughtUp) continue
        this.#isCurrent = true
        if (this.#isReady) this.#readySince ??= Date.now()
        this.#onCaughtUp()
      } catch (cause) {
        this.#lost(cause)
        await new Promise<void>(resolve => after(PAUSE, resolve, () => resolve()))
      }
    }
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
      const found = await this.#reader.sendCommand(['XRANGE', this.#stream, id, id])
      if (!Array.isArray(found) || found.length === 0) return this.#onRestored(own)
    }
  }

  /** Redis has an older memory: all are told, and told again what this process must have told. */
  #onRestored(own: readonly Waiting[]): void {
    this.#appended = []
    this.#waiting.unshift({ topic: GAP, entry: null }, ...own.map(({ topic, entry }) => ({ topic, entry })))
    this.#forget()
    this.#options.onGap()
    void this.#flush()
  }

  #take(sealed: Buffer): void {
    const text = this.#options.keys.open(sealed, Buffer.from(this.#stream))
    if (text === undefined) return // another key, or a forgery
    const { self, topic, entry } = JSON.parse(text.toString()) as Waiting & { readonly self: string }
    if (self === this.#self) return
    if (topic === GAP) this.#options.onGap()
    else this.#options.onEntry(topic, entry)
  }

  #lost(cause: unknown): void {
    this.#isCurrent = false
    this.#readySince = undefined
    // Why there is no connection, or that it is not made yet, the client itself tells.
    const isOffline = cause instanceof ClientOfflineError
    if (isOffline) this.#wasOffline = true
    if (!this.#isClosed) this.#link.lost(isOffline ? undefined : describe(cause))
    if (isOffline || this.#isLost || this.#isClosed) return
    this.#isLost = true
    this.#options.onState(describe(cause))
  }

  #found(): void {
    this.#link.found()
    if (!this.#isLost) return
    this.#isLost = false
    this.#options.onState(undefined)
  }
}

/** Whether an entry, by its id `milliseconds-number`, is far from its end. */
const isYoung = (id: string): boolean => Number(id.split('-')[0]) > Date.now() - 0.9 * LIFE

/** The topic of an entry that stands for others which were dropped. */
const GAP = ''

/** What XREAD answers: streams, of each its entries, of each its id and its fields; null after a wait for nothing. */
function entriesIn(reply: unknown): readonly { readonly id: string; readonly sealed: Buffer }[] {
  if (!Array.isArray(reply)) return []
  const [[, entries = []] = []] = reply as readonly (readonly [
    unknown,
    readonly (readonly [Buffer, readonly Buffer[]])[],
  ])[]
  return entries.flatMap(([id, [, sealed]]) => (sealed === undefined ? [] : [{ id: id.toString(), sealed }]))
}
