/**
 * The same plugin in the other processes of the proxy, on this machine and on the others of a fleet. A process without others
 * sends to none. Works in the proxy's own thread; with `@isolate=worker` both calls throw.
 */
export interface PluginPeers {
  /**
   * Tells all others, in the order of the calls; a machine that cannot be reached is told when it can.
   * @param message what JSON can say, at most 262,144 characters
   * @returns when the other processes of this machine have been told
   * @throws {ProxyError} PTC_PLUGIN_CALL
   */
  readonly send: (message: unknown) => Promise<void>
  /** Called with each message of another, until the plugin is unloaded. It may come twice. */
  readonly onMessage: (listener: (message: unknown) => void) => void
}
