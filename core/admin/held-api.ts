/** What the management API says about what waits, and what was decided. */
import type { ApprovalAnswer, WaitsElsewhere } from '../api/managed.js'
import type { RejectedBy, VerifiedPeer } from '../tls/judge/verdict.js'

/** A handshake with an origin that a plugin holds. */
export interface ParkedRow {
  readonly id: number
  readonly host: string
  readonly port: number
  readonly plugin: string
  /** `released`: it has ended, and a new one is made when the plugins have accepted. */
  readonly connection: 'open' | 'released'
  /** For how long plugins have held it; milliseconds. */
  readonly age: number
  /** When silence becomes a rejection; milliseconds since the epoch. */
  readonly deadline: number
  /** Where the connection leads, or led: `address:port`. */
  readonly address: string
  /** The client that asks: `alice@192.0.2.1`, or the address alone; null where the proxy asks for itself. */
  readonly client: string | null
  /** What the built-in check found: `X509_V_OK`, or the name of its first error. */
  readonly builtIn: string
  /** The plugins that have accepted it. */
  readonly accepted: readonly string[]
  /** The open question of approval.js that holds it. */
  readonly question: string | null
  /** What an operator's acceptance would be: the answer to that question, in place of the plugin, or refused. */
  readonly accepting: 'question' | 'operator' | 'none'
  readonly leaf: ShownCertificate | null
}

export interface ShownCertificate {
  readonly subject: string
  readonly issuer: string
  readonly sha256: string
  /** Milliseconds since the epoch; null for a date that cannot be read. */
  readonly notBefore: number | null
  readonly notAfter: number | null
}

/** Handshakes that wait in another proxy of the fleet for a question that is open here, too: an answer here is one for them. */
export interface HeldElsewhere extends WaitsElsewhere {
  /** The id of the question here. */
  readonly question: string
  readonly host: string
  readonly port: number
  /** The plugin that asks it. */
  readonly plugin: string
}

/** Everything about one handshake that a plugin holds. */
export interface ParkedDetail extends ParkedRow {
  /** As the origin sent it, leaf first. */
  readonly chain: readonly (ShownCertificate & { readonly pem: string })[]
  /** The parts of the built-in check, in the same words: the chain, the name, and what a rule demands beyond. */
  readonly checks: { readonly signature: string; readonly name: string; readonly rule: string | null }
  /** The request for which the origin is asked. */
  readonly request: { readonly method: string; readonly url: string } | null
}

/** An operator accepts a held handshake. `scope` and `duration` are for the question of approval.js, if that holds it. */
export interface HeldAnswer extends Omit<ApprovalAnswer, 'verdict'> {
  /** The digest of the leaf that the operator has seen: a handshake with another one is not accepted. */
  readonly sha256?: string | undefined
}

/** What became of it: a question was answered, or the handshake goes on. */
export interface HeldAccepted {
  readonly id: number
  readonly as: 'question' | 'operator'
  readonly question: string | null
}

/** Verdicts about one origin that say the same. */
export interface HistoryRow {
  readonly id: number
  readonly result: 'accepted' | 'rejected' | 'postponed'
  /** What decided; `person`: an answer to a question of a plugin. */
  readonly by: VerifiedPeer['decidedBy'] | RejectedBy | 'person'
  /** The plugin that decided, or that was asked last. */
  readonly plugin: string | null
  readonly host: string
  readonly port: number
  /** A rejection has its word, the X509_V_ERR that stands for it with its number, and a line for people. */
  readonly reason: string | null
  readonly name: string | null
  readonly code: number | null
  readonly detail: string
  /** The person that has decided, and why. */
  readonly who: string | null
  readonly why: string | null
  /** The question of a plugin that was answered so, or is open. */
  readonly question: string | null
  /** A session was resumed: the origin has shown no certificate, and the verdict is that of an earlier handshake. */
  readonly resumed: boolean
  readonly builtIn: string | null
  readonly leaf: { readonly subject: string; readonly sha256: string } | null
  /** The client that asked last, and all that have asked: `alice@192.0.2.1`. */
  readonly client: string | null
  readonly clients: readonly string[]
  readonly times: number
  /** The first time, and the last; milliseconds since the epoch. */
  readonly since: number
  readonly last: number
  /** For how long plugins held the last one; milliseconds. */
  readonly held: number
  /** Makes the handshake again: `portcullis try HOST:PORT`. */
  readonly command: string
}

export interface HistoryFilter {
  /** Words that a row has, in any case: host, client, plugin, reason, person, certificate. */
  readonly search?: string | undefined
  readonly result?: HistoryRow['result'] | undefined
}
