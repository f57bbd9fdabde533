import { LRUCache } from 'lru-cache'
import type { PluginState, StateOptions } from '../../api/plugin.js'
import { ProxyError } from '../../base/errors.js'

/** Limits for one plugin. */
const MAX_ENTRIES = 10_000
const MAX_CHARACTERS = 8_388_608
/** Limits for one value, and for one key; characters. */
const MAX_VALUE = 65_536
const MAX_KEY = 512
const MAX_KEYS = 1000

/** Where the texts of one plugin are kept. In memory, or in a program beside the proxy: each call is atomic. */
export interface StateStore {
  get(key: string): Promise<string | undefined>
  /** @param ttl milliseconds @param isNew sets it only if the key is free @returns whether it was set */
  set(key: string, text: string, ttl: number | undefined, isNew: boolean): Promise<boolean>
  delete(key: string): Promise<boolean>
  /** @throws {ProxyError} PTC_PLUGIN_CALL if there is something that is no number */
  increment(key: string, by: number, ttl: number | undefined): Promise<number>
  keys(prefix: string, max: number): Promise<readonly string[]>
}

/** Keeps texts in this process. */
export class MemoryStore implements StateStore {
  readonly #entries = new LRUCache<string, string>({
    max: MAX_ENTRIES,
    maxSize: MAX_CHARACTERS,
    sizeCalculation: (text, key) => text.length + key.length + 1,
  })

  async get(key: string): Promise<string | undefined> {
    return this.#entries.get(key)
  }

  async set(key: string, text: string, ttl: number | undefined, isNew: boolean): Promise<boolean> {
    if (isNew && this.#entries.has(key)) return false
    this.#entries.set(key, text, { ttl: ttl ?? 0 })
    return true
  }

  async delete(key: string): Promise<boolean> {
    return this.#entries.delete(key)
  }

  async increment(key: string, by: number, ttl: number | undefined): Promise<number> {
    const before = this.#entries.get(key)
    const sum = sumOf(key, before, by)
    if (before === undefined) this.#entries.set(key, String(sum), { ttl: ttl ?? 0 })
    else this.#entries.set(key, String(sum), { noUpdateTTL: true })
    return sum
  }

  async keys(prefix: string, max: number): Promise<readonly string[]> {
    const found: string[] = []
    for (const key of this.#entries.keys()) {
      if (found.length === max) break
      if (key.startsWith(prefix)) found.push(key)
    }
    return found
  }
}

/** @throws {ProxyError} PTC_PLUGIN_CALL where the text is no number */
export function sumOf(key: string, text: string | undefined, by: number): number {
  const sum = (text === undefined ? 0 : Number(text)) + by
  if (!Number.isFinite(sum)) throw wrong(`${JSON.stringify(key)} is not a number`)
  return sum
}

/** A plugin's view of its store. What it passes may be anything. */
export function stateOn(store: StateStore): PluginState {
  const set = (key: unknown, value: unknown, options: unknown, isNew: boolean): Promise<boolean> =>
    store.set(readKey(key), readValue(value), readTtl(options), isNew)
  return Object.freeze<PluginState>({
    get: async key => {
      const text = await store.get(readKey(key))
      return text === undefined ? undefined : (JSON.parse(text) as unknown)
    },
    set: async (key, value, options) => void (await set(key, value, options, false)),
    add: async (key, value, options) => await set(key, value, options, true),
    delete: async key => await store.delete(readKey(key)),
    increment: async (key, by = 1, options = {}) =>
      await store.increment(readKey(key), readNumber(by), readTtl(options)),
    keys: async (prefix = '') => {
      if (typeof prefix !== 'string' || prefix.length > MAX_KEY) throw wrong('a prefix is a text')
      return await store.keys(prefix, MAX_KEYS)
    },
  })
}

function readKey(key: unknown): string {
  if (typeof key === 'string' && key.length > 0 && key.length <= MAX_KEY) return key
  throw wrong(`a key has 1 to ${MAX_KEY} characters`)
}

/** A value as it is kept. @throws {ProxyError} PTC_PLUGIN_CALL */
export function readValue(value: unknown): string {
  const text = textOf(value)
  if (text === undefined) throw wrong('a value is what JSON can say')
  if (text.length > MAX_VALUE) throw wrong(`a value has at most ${MAX_VALUE} characters as JSON`)
  return text
}

function textOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    throw new ProxyError('PTC_PLUGIN_CALL', 'state: the value cannot be written as JSON', { cause })
  }
}

function readNumber(by: unknown): number {
  if (typeof by === 'number' && Number.isFinite(by)) return by
  throw wrong('a number is added to a number')
}

function readTtl(options: unknown): number | undefined {
  const { ttl } = (options ?? {}) as StateOptions
  if (ttl === undefined) return undefined
  if (typeof ttl === 'number' && ttl > 0 && Number.isFinite(ttl)) return Math.ceil(ttl)
  throw wrong('ttl is a number of milliseconds above 0')
}

const wrong = (what: string): ProxyError => new ProxyError('PTC_PLUGIN_CALL', `state: ${what}`)
