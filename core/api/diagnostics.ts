import type { BuiltInResult, PeerEvidence } from './certificate.js'
import type { Verdict } from './verdict.js'

/** Whose handshake a step belongs to. Every step has these. */
export interface HandshakeStep {
  /** The id of the connection to the origin, as in `vconn.id`: unique in the process. */
  readonly id: number
  /** The origin's name or address in the URL, and its port. */
  readonly host: string
  readonly port: number
  /** Where the connection leads, `address:port`. */
  readonly remoteAddress: string
}

/**
 * The steps of a handshake with an origin, by the name of their channel of `node:diagnostics_channel`. `start` and
 * `closed` come exactly once each; everything else comes between them, in the order of this table, `asked` and
 * `reenabled` once for every plugin that is asked.
 */
export interface HandshakeSteps {
  /** The connection stands, nothing has been sent. */
  'portcullis:handshake:start': HandshakeStep
  /** The origin has shown its certificate, and the built-in check has been computed. */
  'portcullis:handshake:certificate': HandshakeStep & { readonly evidence: PeerEvidence }
  /** A plugin's turn begins; the handshake is held. */
  'portcullis:handshake:asked': HandshakeStep & { readonly plugin: string }
  /** The plugin has answered, and its answer counts. A plugin that fails, or is silent, does not. */
  'portcullis:handshake:reenabled': HandshakeStep & {
    readonly plugin: string
    readonly verdict: Verdict
    /** How long its turn took; milliseconds. */
    readonly took: number
  }
  /** An operator has accepted in the place of the plugin, in this turn. */
  'portcullis:handshake:granted': HandshakeStep & {
    readonly plugin: string
    /** How long the turn took; milliseconds. */
    readonly took: number
  }
  /** The origin was accepted; the handshake goes on. */
  'portcullis:handshake:accepted': HandshakeStep & {
    readonly decidedBy: 'plugins' | 'built-in' | 'nobody'
    /** What the built-in check found wrong and did not bind. */
    readonly tolerated: readonly BuiltInResult[]
    /** It rests on a stored session: the origin has shown no certificate this time. */
    readonly isResumed: boolean
    /** How long plugins held it; milliseconds, 0 if none was asked. */
    readonly parked: number
  }
  /** The origin was rejected, and has been sent the alert. */
  'portcullis:handshake:rejected': HandshakeStep & {
    readonly by: 'built-in' | 'plugin' | 'plugin-failed' | 'deadline' | 'operator' | 'no-check'
    readonly plugin: string | undefined
    /** The X509_V_ERR that stands for the reason, and its number. */
    readonly name: string
    readonly code: number
    readonly detail: string
    readonly parked: number
  }
  /** The handshake is over. */
  'portcullis:handshake:closed': HandshakeStep & {
    /** The code of the error that ended it (`docs/reference/errors.md`); undefined: the connection is open. */
    readonly error: string | undefined
    /** From `start`; milliseconds. */
    readonly took: number
  }
}
