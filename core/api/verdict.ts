import type { X509ErrorName } from './x509-errors.js'

/**
 * Why a plugin rejects, in words. Each stands for one X509_V_ERR code, from which OpenSSL picks the alert that the
 * origin receives (`docs/reference/reasons.md`).
 */
export type Reason =
  | 'policy'
  | 'untrusted-issuer'
  | 'name-mismatch'
  | 'expired'
  | 'not-yet-valid'
  | 'revoked'
  | 'unsupported'
  | 'unknown'
  | 'internal'

/** No objection: the next plugin is asked, and after the last one the handshake goes on. */
export interface Accept {
  readonly kind: 'accept'
  /** When this verdict ends; milliseconds since the epoch. */
  readonly expiresAt?: number
}

/** Final: later plugins are not asked, the origin receives an alert, the client a 502 that names the reason. */
export interface Reject {
  readonly kind: 'reject'
  readonly reason: Reason | X509ErrorName
  /** One line for the client's error page and the logs. */
  readonly detail?: string
}

export type Verdict = Accept | Reject

const ACCEPT: Accept = Object.freeze({ kind: 'accept' })

/** How long an acceptance may be relied on. */
export interface VerdictScope {
  /** Milliseconds from now. Then sessions and idle connections that rest on the verdict go; a request under way may finish. */
  readonly expiresIn?: number
}

/**
 * The verdict that has no objection. `reenable()` without an argument means the same.
 * @param scope what rests on the verdict and for how long; without it, as long as the connection stands
 */
export function accept(scope?: VerdictScope): Accept {
  const ms = scope?.expiresIn
  if (ms === undefined) return ACCEPT
  // What is no number of milliseconds has passed already: a verdict never lasts longer than its plugin meant.
  return { kind: 'accept', expiresAt: Date.now() + (Number.isFinite(ms) ? Math.max(0, ms) : 0) }
}

/**
 * The verdict that ends the handshake.
 * @param reason a word of {@link Reason}, or the name of any X509_V_ERR code
 * @param detail one line for the client's error page and the logs
 */
export function reject(reason: Reason | X509ErrorName, detail?: string): Reject {
  return detail === undefined ? { kind: 'reject', reason } : { kind: 'reject', reason, detail }
}
