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
  /** How long it answers further questions of the same kind; milliseconds. */
  readonly cacheFor?: number
  readonly scope?: VerdictScope
  /** The question of {@link postpone} that a person has answered so. */
  readonly question?: string
}

/** Final: later plugins are not asked, the origin receives an alert, the client a 502 that names the reason. */
export interface Reject {
  readonly kind: 'reject'
  readonly reason: Reason | X509ErrorName
  /** One line for the client's error page and the logs. */
  readonly detail?: string
  /** It is no judgement of the origin: a question about it is open, and the client may ask again. See {@link postpone}. */
  readonly hold?: Hold
  /** The question of {@link postpone} that a person has answered so: history shows the answer and this verdict as one row. */
  readonly question?: string
}

/** A question that outlives the handshake it came up in. */
export interface Hold {
  /** Names the question; a letter, then up to 63 of letters, digits, `.`, `_`, `-`. */
  readonly id: string
  /** When the client should ask again; whole seconds, 1 to 86,400. */
  readonly retryAfter: number
}

export type Verdict = Accept | Reject

const ACCEPT: Accept = Object.freeze({ kind: 'accept' })

/**
 * What a remembered acceptance is about, beside the host, the rules it is judged by and the result of the built-in check:
 * `chain`, the very same certificates on the same port; `host`, the same leaf, whatever issuers come with it and on
 * whatever port.
 */
export type VerdictScope = 'chain' | 'host'

/** How long an acceptance may be relied on, and what for. */
export interface AcceptOptions {
  /** Milliseconds from now. Then sessions and idle connections that rest on the verdict go; a request in flight may finish. */
  readonly expiresIn?: number
  /**
   * Milliseconds from now for which the plugin need not be asked again. Never longer than `expiresIn`, and never beyond
   * a reload. Rejections are not remembered.
   */
  readonly cacheFor?: number
  /** What `cacheFor` is about; default `chain`. */
  readonly scope?: VerdictScope
  /**
   * The id of the question, as in {@link Hold}, that a person has answered so: history shows the answer and this verdict as one row. An
   * id of another shape makes this a rejection as `internal`.
   */
  readonly question?: string
}

/**
 * The verdict that has no objection. `reenable()` without an argument means the same.
 * @param options how long it may be relied on; without them, as long as the connection stands, and for it alone
 */
export function accept(options: AcceptOptions = {}): Accept {
  const { expiresIn, cacheFor, scope = 'chain', question } = options
  if (expiresIn === undefined && cacheFor === undefined && question === undefined) return ACCEPT
  return {
    kind: 'accept',
    ...(expiresIn === undefined ? {} : { expiresAt: Date.now() + milliseconds(expiresIn) }),
    ...(cacheFor === undefined ? {} : { cacheFor: milliseconds(cacheFor), scope }),
    ...(question === undefined ? {} : { question }),
  }
}

/** What is no number of milliseconds has passed already: a verdict never lasts longer than its plugin meant. */
function milliseconds(ms: number): number {
  return Number.isFinite(ms) ? Math.max(0, ms) : 0
}

/**
 * The verdict that ends the handshake.
 * @param reason a word of {@link Reason}, or the name of any X509_V_ERR code
 * @param detail one line for the client's error page and the logs
 */
export function reject(reason: Reason | X509ErrorName, detail?: string): Reject {
  return detail === undefined ? { kind: 'reject', reason } : { kind: 'reject', reason, detail }
}

/**
 * The verdict that ends the handshake without a judgement, because the answer takes longer than clients wait: the origin
 * receives no alert, the client a 503 with `Retry-After`, and with `hold=ID` in `Proxy-Status` and in a JSON body. The
 * plugin is asked again when the client comes again.
 * @param hold names the question that stays open; one of another shape makes this a rejection as `internal`
 * @param detail one line for the client's error page and the logs
 */
export function postpone(hold: Hold, detail?: string): Reject {
  return { ...reject('policy', detail), hold }
}
