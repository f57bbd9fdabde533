/**
 * What passes between the proxy and a worker thread: plain data. Everything posted to a worker that runs code of the
 * plugin has a number, and the worker says when that code has returned. They are worked through in order, so the oldest
 * that has not returned is the one that runs, and those behind it have not begun.
 */
import type { MessagePort } from 'node:worker_threads'
import type { BuiltInResult, PeerEvidence } from '../../api/certificate.js'
import type { HookId, HookOptions } from '../../api/hooks.js'
import type { VConn } from '../../api/vconn.js'
import type { Verdict } from '../../api/verdict.js'
import type { ErrorCode } from '../../base/errors.js'
import type { PluginLine } from '../plugin-line.js'

/** What a worker is started with. */
export interface WorkerTask {
  readonly port: MessagePort
  /** The plugin's file, absolute. */
  readonly path: string
  readonly line: PluginLine
}

export type PlainVConn = Omit<VConn, 'args'>

/** The subject's and issuer's names on one line come along: only OpenSSL writes them, and a worker does not load it. */
export interface PlainCertificate {
  readonly der: Uint8Array
  readonly subject: string
  readonly issuer: string
}

export interface PlainQuestion extends Omit<PeerEvidence, 'chain' | 'builtChain' | 'ocspResponse'> {
  readonly vconn: PlainVConn
  readonly port: number
  readonly deadline: number
  readonly certificates: readonly PlainCertificate[]
  /** Indexes of `certificates`: the two chains have most of them in common. */
  readonly chain: readonly number[]
  readonly builtChain: readonly number[]
  readonly ocspResponse: Uint8Array | undefined
  readonly checks: {
    readonly signature: BuiltInResult
    readonly name: BuiltInResult
    readonly rule?: BuiltInResult
  }
}

/** A hook that is told, not asked. */
export type PlainTold =
  | {
      readonly hook:
        | 'TS_VCONN_START_HOOK'
        | 'TS_VCONN_CLOSE_HOOK'
        | 'TS_VCONN_OUTBOUND_START_HOOK'
        | 'TS_VCONN_OUTBOUND_CLOSE_HOOK'
      readonly vconn: PlainVConn
    }
  | {
      readonly hook: 'TS_HTTP_SEND_REQUEST_HDR_HOOK'
      readonly vconn: PlainVConn
      readonly method: string
      readonly url: string
    }

export type ToWorker =
  | {
      readonly do: 'ask'
      readonly seq: number
      readonly continuation: number
      readonly question: PlainQuestion
    }
  | { readonly do: 'tell'; readonly seq: number; readonly told: PlainTold }
  | { readonly do: 'ping'; readonly seq: number }
  /** The answer is no longer wanted, or has been asked for elsewhere. */
  | { readonly do: 'abort'; readonly seq: number }
  /** A connection has ended. */
  | { readonly do: 'forget'; readonly vconn: number }
  | { readonly do: 'unload' }

export type FromWorker =
  | { readonly did: 'load'; readonly hooks: readonly HookUse[] }
  | { readonly did: 'not-load'; readonly code: ErrorCode; readonly message: string }
  | { readonly did: 'return'; readonly seq: number }
  | { readonly did: 'answer'; readonly seq: number; readonly host: string; readonly verdict: Verdict }
  | { readonly did: 'fail'; readonly seq: number; readonly message: string }
  /** The plugin reenabled what it had answered, or what nobody waited for. */
  | { readonly did: 'overdo'; readonly host: string; readonly why: 'second' | 'late' }
  | {
      readonly did: 'log'
      readonly level: 'debug' | 'note' | 'error'
      readonly message: string
      readonly tag: string
    }

/** A continuation that the plugin put on a hook. */
export interface HookUse {
  readonly id: HookId
  readonly options: HookOptions
}
