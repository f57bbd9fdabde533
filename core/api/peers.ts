/**
 * The same plugin in the other processes of the proxy, on this machine and on the others of a fleet. A process without others
 * sends to none. Works in the proxy's own thread; with `@isolate=worker` both calls throw.
 */
export interface PluginPeers {
  /**
   * Sends a message to all others. Messages of one process arrive in the order of its calls. While the Redis of the fleet cannot
   * be reached, messages for other machines wait in memory, and are sent when it answers again.
   * @param message what JSON can say, at most 262,144 characters
   * @returns when the listeners in the other processes of this machine have been called
   * @throws {ProxyError} PTC_PLUGIN_CALL
   */
  readonly send: (message: unknown) => Promise<void>
  /** Adds a listener for the messages of the others, until the plugin is unloaded. A message may arrive more than once. */
  readonly onMessage: (listener: (message: unknown) => void) => void
}
