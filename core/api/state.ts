/** How a value is kept. */
export interface StateOptions {
  /** Milliseconds until it is gone; without it, it stays as long as there is room. */
  readonly ttl?: number
}

/**
 * What a plugin keeps beyond its own life: one store for each plugin, by its name. It outlives reloads, and is the same in all
 * workers and processes. It is kept in memory, where a restart empties it, or in the Redis of a fleet. In memory a store holds
 * 10,000 entries and 16 MB, and beyond that the entries used longest ago are dropped; in Redis an entry lives for 30 days at
 * most. Keep in it what can be found out again.
 *
 * Values are JSON, at most 65,536 characters; keys have 1 to 512 characters. Each call is atomic. A call that cannot be done
 * rejects with a {@link ProxyError} PTC_PLUGIN_CALL.
 */
export interface PluginState {
  /** A copy of the value; undefined if there is none. */
  readonly get: (key: string) => Promise<unknown>
  readonly set: (key: string, value: unknown, options?: StateOptions) => Promise<void>
  /** Sets it if the key is free. @returns whether it was */
  readonly add: (key: string, value: unknown, options?: StateOptions) => Promise<boolean>
  /** @returns whether there was a value */
  readonly delete: (key: string) => Promise<boolean>
  /**
   * Adds to a number, which begins at 0; `ttl` counts from its first value.
   * @param by default 1 @returns the sum
   */
  readonly increment: (key: string, by?: number, options?: StateOptions) => Promise<number>
  /** The keys that begin with a prefix, at most 1,000, in no order. */
  readonly keys: (prefix?: string) => Promise<readonly string[]>
}
