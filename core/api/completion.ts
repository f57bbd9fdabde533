import type { PeerEvidence } from './certificate.js'

/** Further certificates for a second check: help to build a path, and never an anchor. */
export interface Help {
  /** DER, in any order, at most 32 of at most 65,536 bytes each. */
  readonly intermediates: readonly Uint8Array[]
}

/**
 * What the built-in check says of the same leaf with further certificates: the same trust anchors, lists and rules. It has
 * no effect until it is passed to `complete` of the event that it came from.
 */
export interface Completion extends Pick<PeerEvidence, 'builtChain' | 'builtIn' | 'checks'> {}

/** How a plugin completes a chain whose origin has left out an issuer. */
export interface Completing {
  /**
   * Runs the built-in check once more, with further certificates as untrusted help. At most 16 times in a turn.
   *
   * Rejects with a {@link ProxyError} PTC_PLUGIN_CALL when the turn is over, or for what is no list of certificates;
   * PTC_CERTIFICATE_UNREADABLE for one that is not whole.
   */
  readonly verifyAgain: (help: Help) => Promise<Completion>
  /**
   * Makes a result of `verifyAgain` the one that later plugins, `try`, the log and the enforcement see. The turn goes on
   * until `reenable`. An event keeps what it has shown.
   *
   * @throws {ProxyError} PTC_PLUGIN_CALL when the turn is over, for a second call, for what did not come from this event, when the
   *   built-in check did not miss an issuer, when it still fails with these certificates, and with `coalesce`. In a worker
   *   the last three are found out when the answer has arrived, and are then a failure of the plugin. In shadow mode it
   *   has no effect
   */
  readonly complete: (completion: Completion) => void
}
