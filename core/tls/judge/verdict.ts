import type { BuiltInResult, PeerEvidence } from '../../api/certificate.js'
import type { Accept, Hold, Reason, Reject } from '../../api/verdict.js'
import { X509_ERRORS, type X509ErrorName } from '../../api/x509-errors.js'
import { type ErrorCode, ProxyError } from '../../base/errors.js'

/** What rejected: OpenSSL's check, a plugin's verdict, a plugin that failed, a deadline, or an operator. */
export type RejectedBy = 'built-in' | 'plugin' | 'plugin-failed' | 'deadline' | 'operator' | 'no-check'

/** The facts of a rejected handshake. */
export interface Rejection {
  readonly by: RejectedBy
  /** The plugin that rejected, threw, or held the handshake when the deadline passed. */
  readonly plugin: string | undefined
  readonly reason: Reason | X509ErrorName
  /** The X509_V_ERR name of the reason. */
  readonly name: X509ErrorName
  /** Its number, which decides the alert that the origin receives. */
  readonly code: number
  readonly host: string
  /** The certificate of the chain; 0 is the leaf. */
  readonly depth: number
  /** One line for people; may be empty. */
  readonly detail: string
  /** The question that is still open: the origin has not been judged. */
  readonly hold?: Hold
  /** The question that a person has answered so. */
  readonly question?: string
}

declare const proof: unique symbol

/** An origin whose chain was accepted. {@link settle} is the only function that makes one. */
export interface VerifiedPeer {
  /** What was judged last. */
  readonly evidence: PeerEvidence
  /** The same with the first result of the built-in check. It differs from `evidence` where a plugin has completed the chain. */
  readonly shown: PeerEvidence
  /** What decided: the plugins, or the built-in check alone. `nobody`: nothing was verified, the result did not bind. */
  readonly decidedBy: 'plugins' | 'built-in' | 'nobody'
  /** Errors of the built-in check that did not bind: a permissive policy, or a plugin that overruled them. */
  readonly tolerated: readonly BuiltInResult[]
  /** When the verdict ends, milliseconds since the epoch. Nothing may rest on it afterwards. */
  readonly expiresAt: number | undefined
  /** A plugin has read the client of the question before it accepted: the acceptance serves no other client. */
  readonly isForClient: boolean
  /** What a person has answered so: the id of a question, or a handshake that an operator accepted. */
  readonly answer: string | undefined
  readonly [proof]: true
}

/** The parts of an acceptance that are not in the evidence. */
export interface Acceptance {
  /** Default: the evidence. */
  readonly shown?: PeerEvidence | undefined
  readonly tolerated?: readonly BuiltInResult[]
  readonly expiresAt?: number | undefined
  readonly isForClient?: boolean | undefined
  readonly answer?: string | undefined
}

/** The X509_V_ERR of each reason. A reason added to the API stops the build here until it has one. */
export const REASONS = {
  policy: 'X509_V_ERR_CERT_REJECTED',
  'untrusted-issuer': 'X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'name-mismatch': 'X509_V_ERR_HOSTNAME_MISMATCH',
  expired: 'X509_V_ERR_CERT_HAS_EXPIRED',
  'not-yet-valid': 'X509_V_ERR_CERT_NOT_YET_VALID',
  revoked: 'X509_V_ERR_CERT_REVOKED',
  unsupported: 'X509_V_ERR_INVALID_PURPOSE',
  unknown: 'X509_V_ERR_OCSP_CERT_UNKNOWN',
  internal: 'X509_V_ERR_UNSPECIFIED',
} as const satisfies Record<Reason, X509ErrorName>

/** The X509_V_ERR name of a reason; a plugin in plain JavaScript may have passed anything, which means `policy`. */
export function x509NameOf(reason: Reason | X509ErrorName): X509ErrorName {
  if (Object.hasOwn(REASONS, reason)) return REASONS[reason as Reason]
  return Object.hasOwn(X509_ERRORS, reason) ? (reason as X509ErrorName) : REASONS.policy
}

/** A rejected handshake, as an error for its request. */
export class VerifyRejected extends ProxyError {
  readonly rejection: Rejection
  /** What the origin had sent. */
  readonly evidence: PeerEvidence | undefined
  /** Milliseconds that plugins held the handshake. It is set when the handshake ends. */
  parked = 0

  constructor(rejection: Rejection, evidence?: PeerEvidence) {
    super(codeOf(rejection), rejectionText(rejection))
    this.rejection = rejection
    this.evidence = evidence
  }
}

function codeOf({ by, hold }: Rejection): ErrorCode {
  if (by === 'plugin-failed') return 'PTC_VERIFY_PLUGIN_FAILED'
  if (by === 'deadline') return 'PTC_VERIFY_TIMEOUT'
  return hold === undefined ? 'PTC_VERIFY_REJECTED' : 'PTC_VERIFY_POSTPONED'
}

const WHO = {
  'built-in': () => 'the built-in check',
  plugin: (plugin: string) => `plugin ${plugin}`,
  'plugin-failed': (plugin: string) => `plugin ${plugin}, which failed`,
  deadline: (plugin: string) =>
    plugin === '' ? 'the deadline' : `the deadline, while plugin ${plugin} held it`,
  operator: plugin => `an operator, while plugin ${plugin} held it`,
  'no-check': () => 'the configuration, which leaves nobody to accept it',
} as const satisfies Record<RejectedBy, (plugin: string) => string>

/** One sentence with the host, the rejecting party, the X509 code and the detail. */
function rejectionText(r: Rejection): string {
  const detail = r.detail === '' ? '' : `: ${r.detail}`
  if (r.hold !== undefined)
    return `certificate of ${r.host} not judged yet by ${WHO[r.by](r.plugin ?? '')}, hold=${r.hold.id}${detail}`
  return `certificate of ${r.host} rejected by ${WHO[r.by](r.plugin ?? '')} (${r.name} ${r.code})${detail}`
}

/** The rejection that stands for a reason. */
export function rejection(
  by: RejectedBy,
  reason: Reason | X509ErrorName,
  host: string,
  detail = '',
  plugin?: string,
  depth = 0,
): Rejection {
  const name = x509NameOf(reason)
  return { by, plugin, reason, name, code: X509_ERRORS[name], host, depth, detail }
}

/** The rejection that a plugin wants. */
export function rejectedBy(plugin: string | undefined, host: string, verdict: Reject): Rejection {
  const { reason, detail, hold, question } = verdict
  return {
    ...rejection('plugin', reason, host, detail, plugin),
    ...(hold === undefined ? {} : { hold }),
    ...(question === undefined ? {} : { question }),
  }
}

/** Ends a wait without a rejection. Its parameter is the last verdict: only an accept type-checks. */
export function settle(
  evidence: PeerEvidence,
  decidedBy: VerifiedPeer['decidedBy'],
  _last: Accept,
  { shown = evidence, tolerated = [], expiresAt, isForClient = false, answer }: Acceptance = {},
): VerifiedPeer {
  return { evidence, shown, decidedBy, tolerated, expiresAt, isForClient, answer } as VerifiedPeer
}
