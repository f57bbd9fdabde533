/**
 * The other instances of the plugin: in the other processes of the proxy, on this machine and on the others of a fleet, and with
 * `@isolate=worker` in its other workers, those of the time before a reload included. An instance without others sends to none.
 */
export interface PluginPeers {
  /**
   * Sends a message to all others. Messages of one instance arrive in the order of its calls. While the Redis of the fleet cannot
   * be reached, messages for other machines wait in memory, and are sent when it answers again.
   * @param message what JSON can say, at most 262,144 characters
   * @returns when the listeners in the other workers and processes of this machine have been called; a worker that is being
   *   loaded is told before it is asked anything, and not waited for
   * @throws {ProxyError} PTC_PLUGIN_CALL
   */
  readonly send: (message: unknown) => Promise<void>
  /**
   * Adds a listener for the messages of the others, until the plugin is unloaded. Add it during init: a worker that has just
   * been loaded is told first what was sent meanwhile. A message may arrive more than once.
   */
  readonly onMessage: (listener: (message: unknown) => void) => void
}
