/** The state of plugins in Redis, sealed. While Redis is away, this process goes on with what it has in memory. */
import { ProxyError } from '../../base/errors.js'
import type { StoreKeys } from '../../base/store-keys.js'
import { MemoryStore, type StateStore, sumOf } from '../../plugin-host/services/state.js'
import { type RedisClient, readUpTo } from './link.js'

/** Milliseconds that an entry without a time of its own lives. */
const LONGEST_LIFE = 30 * 24 * 3_600_000
/** Entries of one plugin that are looked at for their names. */
const MAX_SCANNED = 10_000
/** Bytes of an entry at most: the longest text, with escapes. A longer one is not from a proxy; only a part of it is read. */
const MAX_ENTRY = 524_288
/** How often a sum is tried again that another process has changed meanwhile. */
const TRIES = 50

/** Sets the value if it is still what it was; an empty text stands for none. Keeps the time that is left unless it is new. */
const REPLACE = `local now = redis.call('GET', KEYS[1])
if (now or '') ~= ARGV[1] then return 0 end
if now then redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL') else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1`

interface Entry {
  readonly key: string
  readonly text: string
}

export class RedisState implements StateStore {
  readonly #client: RedisClient
  readonly #keys: StoreKeys
  readonly #prefix: string
  readonly #onError: (cause: unknown) => void
  readonly #memory = new MemoryStore()

  constructor(client: RedisClient, keys: StoreKeys, prefix: string, onError: (cause: unknown) => void) {
    this.#client = client
    this.#keys = keys
    this.#prefix = prefix
    this.#onError = onError
  }

  get(key: string): Promise<string | undefined> {
    return this.#both(
      async () =>
        this.#open(await this.#client.sendCommand(readUpTo(this.#nameOf(key), MAX_ENTRY)), key)?.text,
      () => this.#memory.get(key),
    )
  }

  set(key: string, text: string, ttl: number | undefined, isNew: boolean): Promise<boolean> {
    const inMemory = () => this.#memory.set(key, text, ttl, isNew)
    return this.#both(async () => {
      const command = ['SET', this.#nameOf(key), this.#sealed({ key, text }), 'PX', lifeOf(ttl)]
      const reply = await this.#client.sendCommand([...command, ...(isNew ? ['NX'] : [])])
      if (reply !== null) await this.#memory.set(key, text, ttl, false)
      return reply !== null
    }, inMemory)
  }

  delete(key: string): Promise<boolean> {
    return this.#both(
      async () => {
        await this.#memory.delete(key)
        return Number(await this.#client.sendCommand(['DEL', this.#nameOf(key)])) > 0
      },
      () => this.#memory.delete(key),
    )
  }

  increment(key: string, by: number, ttl: number | undefined): Promise<number> {
    return this.#both(
      () => this.#increment(key, by, ttl),
      () => this.#memory.increment(key, by, ttl),
    )
  }

  keys(prefix: string, max: number): Promise<readonly string[]> {
    return this.#both(
      async () => (await this.#names()).filter(name => name.startsWith(prefix)).slice(0, max),
      () => this.#memory.keys(prefix, max),
    )
  }

  async #increment(key: string, by: number, ttl: number | undefined): Promise<number> {
    const name = this.#nameOf(key)
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const found = await this.#client.sendCommand(readUpTo(name, MAX_ENTRY))
      const sum = sumOf(key, this.#open(found, key)?.text, by)
      const before = Buffer.isBuffer(found) ? found : Buffer.alloc(0)
      const sealed = this.#sealed({ key, text: String(sum) })
      const done = await this.#client.sendCommand(['EVAL', REPLACE, '1', name, before, sealed, lifeOf(ttl)])
      if (Number(done) !== 1) continue
      await this.#memory.set(key, String(sum), ttl, false)
      return sum
    }
    throw new ProxyError('PTC_PLUGIN_CALL', 'state: too many processes change it at once')
  }

  async #names(): Promise<readonly string[]> {
    const names: string[] = []
    let cursor = '0'
    do {
      const reply = await this.#client.sendCommand([
        ...['SCAN', cursor, 'MATCH', `${this.#prefix}*`, 'COUNT', '500'],
      ])
      const [next, found] = reply as unknown as readonly [Buffer, readonly Buffer[]]
      cursor = next.toString()
      if (found.length > 0) {
        const values = await Promise.all(
          found.map(name => this.#client.sendCommand(readUpTo(String(name), MAX_ENTRY))),
        )
        for (const [i, value] of values.entries()) names.push(...this.#keyIn(value, String(found[i])))
      }
    } while (cursor !== '0' && names.length < MAX_SCANNED)
    return names
  }

  /** Redis, or memory where it fails. A mistake of the plugin's is thrown by both. */
  async #both<T>(inRedis: () => Promise<T>, inMemory: () => Promise<T>): Promise<T> {
    try {
      return await inRedis()
    } catch (cause) {
      if (cause instanceof ProxyError) throw cause
      this.#onError(cause)
      return inMemory()
    }
  }

  #nameOf(key: string): string {
    return this.#prefix + this.#keys.nameOf(Buffer.from(key))
  }

  #sealed(entry: Entry): Buffer {
    return this.#keys.seal(Buffer.from(JSON.stringify(entry)), Buffer.from(this.#nameOf(entry.key)))
  }

  #open(value: unknown, key: string): Entry | undefined {
    if (!Buffer.isBuffer(value)) return undefined
    return this.#parse(value, this.#nameOf(key))
  }

  #keyIn(value: unknown, name: string): readonly string[] {
    const entry = Buffer.isBuffer(value) ? this.#parse(value, name) : undefined
    return entry === undefined ? [] : [entry.key]
  }

  #parse(value: Buffer, name: string): Entry | undefined {
    const text = this.#keys.open(value, Buffer.from(name))
    return text === undefined ? undefined : (JSON.parse(text.toString()) as Entry)
  }
}

const lifeOf = (ttl: number | undefined): string => `${Math.min(ttl ?? LONGEST_LIFE, LONGEST_LIFE)}`
