import type { PeerEvidence } from '../api/certificate.js'
import { describe } from '../base/errors.js'
import type { HandshakeObserver } from '../tls/observer.js'
import type { VerifyRejected } from '../tls/verdict.js'

/** What of the diagnostics a handshake needs. */
export interface HandshakeDiags {
  isOn(tag: string): boolean
  debug(tag: string, message: string): void
  warning(message: string): void
  error(message: string): void
}

/**
 * Writes what happens to handshakes into the logs, with Traffic Server's words where it has them. Tags: `ssl` and
 * `ssl.verify`, as in the proof of concept.
 */
export class HandshakeLog implements HandshakeObserver {
  readonly #diags: HandshakeDiags
  /** Answers of plugins that reached nothing. */
  ignoredReenables = 0

  constructor(diags: HandshakeDiags) {
    this.#diags = diags
  }

  parked(plugin: string, host: string): void {
    if (this.#diags.isOn('ssl')) this.#diags.debug('ssl', `handshake with ${host} parked, asking ${plugin}`)
  }

  accepted({ host, builtIn, protocol, cipher }: PeerEvidence): void {
    if (!builtIn.ok) this.#diags.warning(coreFailed(host, 'Continue', builtIn))
    if (this.#diags.isOn('ssl'))
      this.#diags.debug('ssl', `handshake with ${host} goes on, ${protocol} ${cipher}`)
  }

  rejected(why: VerifyRejected, remoteAddress: string): void {
    const { rejection } = why
    if (rejection.by === 'built-in') {
      this.#diags.warning(
        coreFailed(rejection.host, 'Terminate', { message: rejection.detail, depth: rejection.depth }),
      )
    } else {
      this.#diags.warning(`${why.message}. Action=Terminate server=${rejection.host}(${remoteAddress})`)
    }
  }

  ignoredReenable(plugin: string, host: string, why: 'second' | 'late'): void {
    this.ignoredReenables++
    const when = why === 'second' ? 'a second time' : 'when nobody waited any more'
    this.#diags.warning(`plugin ${plugin} reenabled the handshake with ${host} ${when}; it reached nothing`)
  }

  pluginFailed(plugin: string, host: string, cause: unknown): void {
    this.#diags.error(`plugin ${plugin} failed while it was asked about ${host}: ${describe(cause)}`)
  }
}

function coreFailed(
  host: string,
  action: string,
  { message, depth }: { message: string; depth: number },
): string {
  return `Core server certificate verification failed for (${host}). Action=${action} Error=${message} server=${host} depth=${depth}`
}
