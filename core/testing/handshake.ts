import type { VConn } from '../api/vconn.js'
import type { Reason, Verdict } from '../api/verdict.js'
import type { X509ErrorName } from '../api/x509-errors.js'
import { ProxyError } from '../base/errors.js'
import { after } from '../base/timer.js'
import { alertOf } from '../tls/alerts.js'
import { type VerifiedPeer, VerifyRejected } from '../tls/judge/verdict.js'
import { PluginRefused } from '../wait/refusal.js'

/** How a handshake ended. */
export interface Outcome {
  /** `left`: the client left. `broken`: a live origin left, or did not speak TLS. */
  readonly kind: 'accepted' | 'rejected' | 'left' | 'broken'
  /**
   * What decided. Accepted: the plugins, the built-in check alone, or nothing (`nobody`: verification is off). Rejected: a
   * plugin, one that failed, the deadline, the built-in check, an operator, or the lack of any check (`no-check`).
   */
  readonly by?:
    | 'plugins'
    | 'built-in'
    | 'nobody'
    | 'plugin'
    | 'plugin-failed'
    | 'deadline'
    | 'operator'
    | 'no-check'
  /** The plugin that rejected, failed, or held the handshake when the deadline passed. */
  readonly plugin?: string
  readonly reason?: Reason | X509ErrorName
  /** What the client would read. */
  readonly detail?: string
  /** The alert that the origin would receive: `certificate_revoked`. */
  readonly alert?: string
  /** The open question for which the verdict is postponed. */
  readonly hold?: string
  /** When the acceptance ends; milliseconds since the epoch. */
  readonly expiresAt?: number
}

/** One call of a plugin about one handshake. */
export interface Call {
  readonly plugin: string
  /** Its answer; undefined until there is one. */
  readonly verdict: Verdict | undefined
  /** Ignored answers: a second one, or one that came too late. Undefined stands for `reenable()`. */
  readonly ignored: readonly (Verdict | undefined)[]
  /** The value that it threw, at once or later. */
  readonly failures: readonly unknown[]
}

/** A handshake that plugins are, or were, asked about. */
export interface TestHandshake {
  /** The connection to the origin. */
  readonly vconn: VConn
  /** The calls of plugins, in their order. */
  readonly calls: readonly Call[]
  /** Undefined while it is parked. */
  readonly outcome: Outcome | undefined
  /**
   * Waits for the outcome, in real time: for a plugin that waits for a file or a service.
   * @param ms how long at most; default 5000
   * @throws {ProxyError} PTC_TEST_KIT that names the plugin that is still silent
   */
  ended(ms?: number): Promise<Outcome>
  /** The client leaves: a parked handshake ends, an accepted connection closes, its close hook runs. May be repeated. */
  leave(): void
}

/** A call while it is recorded. */
export interface OpenCall extends Call {
  verdict: Verdict | undefined
  readonly ignored: (Verdict | undefined)[]
  readonly failures: unknown[]
}

/**
 * Life: parked -> ended, with an outcome -> closed. An accepted connection closes when its client leaves; every other is
 * closed when it ends.
 */
export class KitHandshake implements TestHandshake {
  readonly calls: readonly OpenCall[]
  readonly #vconn: { readonly shown: VConn; close(): void }
  readonly #abandon: () => void
  readonly #waiting = new Set<(outcome: Outcome) => void>()
  #outcome: Outcome | undefined

  constructor(
    vconn: { readonly shown: VConn; close(): void },
    calls: readonly OpenCall[],
    abandon: () => void,
  ) {
    this.#vconn = vconn
    this.calls = calls
    this.#abandon = abandon
  }

  get vconn(): VConn {
    return this.#vconn.shown
  }

  get outcome(): Outcome | undefined {
    return this.#outcome
  }

  end(outcome: Outcome): void {
    this.#outcome = outcome
    for (const resolve of this.#waiting) resolve(outcome)
    this.#waiting.clear()
    if (outcome.kind !== 'accepted') this.#vconn.close()
  }

  leave(): void {
    this.#abandon()
    this.#vconn.close()
  }

  ended(ms = 5000): Promise<Outcome> {
    const outcome = this.#outcome
    if (outcome !== undefined) return Promise.resolve(outcome)
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#waiting.delete(settle)
        reject(new ProxyError('PTC_TEST_KIT', `still parked after ${ms} ms, ${this.#whom()}`))
      }
      const timer = after(ms, giveUp, reject)
      const settle = (end: Outcome): void => {
        clearTimeout(timer)
        resolve(end)
      }
      this.#waiting.add(settle)
    })
  }

  #whom(): string {
    const last = this.calls.at(-1)
    return last === undefined ? 'and no plugin was called' : `${last.plugin} has not answered`
  }
}

/** The outcome of a handshake for tests. */
export function toOutcome(end: VerifiedPeer | ProxyError): Outcome {
  if (!(end instanceof ProxyError)) {
    const { decidedBy, expiresAt } = end
    return { kind: 'accepted', by: decidedBy, ...(expiresAt === undefined ? {} : { expiresAt }) }
  }
  if (end instanceof PluginRefused) return { kind: 'rejected', ...end.refusal }
  if (!(end instanceof VerifyRejected))
    return end.code === 'PTC_CLIENT_GONE' ? { kind: 'left' } : { kind: 'broken', detail: end.message }
  const { by, plugin, reason, detail, code, hold } = end.rejection
  return {
    kind: 'rejected',
    by,
    ...(plugin === undefined ? {} : { plugin }),
    reason,
    ...(detail === '' ? {} : { detail }),
    ...(hold === undefined ? { alert: alertOf(code).name } : { hold: hold.id }),
  }
}
