/**
 * What a plugin offers to operators, by topic: the management API and `portcullis ctl` hand their requests on to it. See
 * `manage` of the context.
 */
export interface ManagedTopics {
  /** Questions that people answer: `ctl approvals`, `ctl accept`, `ctl reject`; `ctl revoke` withdraws answers. */
  readonly approvals: ApprovalTopic
  /** Rules that are explained: `ctl policy explain`. */
  readonly policy: PolicyTopic
  /** What is learned from handshakes: `ctl learn report`, `ctl learn write`. */
  readonly learning: LearningTopic
}

export interface PolicyTopic {
  /** Which rule decides about a host, and why: lines for people. */
  explain(host: string): Promise<readonly string[]>
}

export interface LearningTopic {
  /** What was seen: lines for people. */
  report(): Promise<readonly string[]>
  /** Writes rules from it. @returns the files */
  write(): Promise<readonly string[]>
}

/** An open question. */
export interface Approval {
  /** Names it for as long as it is open, over reloads and restarts. */
  readonly id: string
  readonly host: string
  readonly port: number
  /**
   * The leaf: its subject and issuer on one line, its SHA-256, and from when to when it is valid (ms since the epoch; null
   * for a date that cannot be read).
   */
  readonly subject: string
  readonly issuer: string
  readonly sha256: string
  readonly notBefore: number | null
  readonly notAfter: number | null
  /** PEM, leaf first, as the origin sent it. */
  readonly chain: readonly string[]
  /** What the built-in check found: `X509_V_OK`, or the name of its first error. */
  readonly builtIn: string
  /** The client that asked last: its address, with the user in front where one is known: `alice@192.0.2.1`. */
  readonly client: string
  /** All clients that have asked. */
  readonly clients: readonly string[]
  /** Handshakes that wait at this moment, in this proxy. */
  readonly waiting: number
  /** The same in the other proxies of the fleet, as they have told it; absent where none waits. An answer here is one for them. */
  readonly elsewhere?: readonly WaitsElsewhere[] | undefined
  /** How often it was asked. */
  readonly asked: number
  /** When the first of these handshakes ends without an answer; milliseconds since the epoch. Absent while none waits. */
  readonly waitsUntil?: number | undefined
  /** When it was asked first, and last; milliseconds since the epoch. */
  readonly since: number
  readonly last: number
  /** When this host was first asked about; milliseconds since the epoch. */
  readonly firstSeen: number
  /**
   * The link on the management port, `/answer?code=CODE`, by which a person answers without a login: SHA-256 of its
   * code, hex, and when it ends. The code has 256 random bits, 43 characters of base64url.
   */
  readonly link?: { readonly sha256: string; readonly until: number } | undefined
}

/** Handshakes that wait in another proxy of the fleet. */
export interface WaitsElsewhere {
  /** The name of its machine. */
  readonly machine: string
  /** Tells it from other proxies of a machine of that name. */
  readonly proxy: string
  readonly waiting: number
  /** The last clients that have asked there. */
  readonly clients: readonly string[]
  /** When the first of these handshakes ends without an answer; milliseconds since the epoch. */
  readonly waitsUntil: number
}

/** What an answer is about: one certificate of the host, all that its issuer gives the host, or whatever the host shows. */
export type ApprovalScope = 'leaf' | 'issuer' | 'host'

export interface ApprovalAnswer {
  readonly verdict: 'accept' | 'reject'
  readonly scope: ApprovalScope
  /** Milliseconds; undefined: until it is withdrawn. */
  readonly duration: number | undefined
  /** The person or program that answers, and its reason; for the record. */
  readonly who: string
  readonly why: string | undefined
}

/** An answer that counts. */
export interface GivenAnswer {
  /** The question that it was given to. */
  readonly id: string
  readonly host: string
  readonly port: number
  readonly verdict: 'accept' | 'reject'
  readonly scope: ApprovalScope
  /** SHA-256 of the leaf that was shown, hex, and what the built-in check had found. */
  readonly sha256: string
  readonly builtIn: string
  /** When it was given, and until when it counts; milliseconds since the epoch. Null: until it is withdrawn. */
  readonly at: number
  readonly until: number | null
  readonly who: string
  readonly why: string | null
}

export interface ApprovalTopic {
  /** Oldest first. */
  list(): readonly Approval[]
  /** The answers that count now: `ctl answers`. Without this function none are listed. */
  given?(): readonly GivenAnswer[]
  /**
   * Takes a rejection back, so that the next handshake is a question again: `ctl withdraw`. Without this function it is not done.
   * @returns the answer; undefined when no rejection counts under this id
   */
  takeBack?(id: string, who: string): Promise<GivenAnswer | undefined>
  /**
   * Answers an open question; it counts once it is written down.
   * @returns the question as it was; undefined when none is open under this id
   */
  answer(id: string, answer: ApprovalAnswer): Promise<Approval | undefined>
  /**
   * Gives the handshakes that wait for a question more time: `ctl extend`. Their deadlines have been moved by then. Without this
   * function the plugin is not told.
   * @param ms milliseconds more
   * @returns how many wait
   */
  extend?(id: string, ms: number): number
  /**
   * Withdraws acceptances.
   * @param isMeant whether the acceptance of such an origin goes
   * @param what was revoked, in words, and by which plugin or operator; for the record
   * @returns how many went
   */
  withdraw(isMeant: (origin: ApprovedOrigin) => boolean, what: string, who: string): Promise<number>
}

/** What an acceptance was about: the host, and SHA-256 of its leaf and of the leaf's public key, hex. */
export interface ApprovedOrigin {
  readonly host: string
  readonly sha256: string
  readonly spki: string
}
