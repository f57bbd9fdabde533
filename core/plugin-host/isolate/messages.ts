/**
 * What passes between the proxy and a worker thread: plain data. Everything posted to a worker that runs code of the
 * plugin has a number, and the worker says when that code has returned. They are worked through in order, so the oldest
 * that has not returned is the one that runs, and those behind it have not begun.
 */
import type { MessagePort } from 'node:worker_threads'
import type { HookId, HookOptions } from '../../api/hooks.js'
import type { VConn } from '../../api/vconn.js'
import type { Verdict } from '../../api/verdict.js'
import type { ErrorCode } from '../../base/errors.js'
import type { AskHook, TellHook } from '../../hooks/hook-ids.js'
import type { TopicOwner } from '../managed.js'
import type { LoadedLine } from '../resolve.js'
import type { Measure, MetricSpec } from '../services/metric-spec.js'
import type { ManagedCalls } from '../topics/answers.js'

/** What a worker is started with. */
export interface WorkerTask {
  readonly port: MessagePort
  /** The plugin's file, absolute. */
  readonly path: string
  readonly line: LoadedLine
  /** Topics that other plugins have. */
  readonly taken: readonly TopicOwner[]
}

/** What args are kept on: a connection, by its id, or a transaction. */
export type Subject = number | `transaction ${number}`

export type PlainVConn = Omit<VConn, 'args'>

export interface PlainQuestion {
  readonly hook: AskHook
  /** Which of the plugin's continuations on the hook is asked. */
  readonly continuation: number
  /** For the log. */
  readonly about: string
  readonly vconn: PlainVConn
  /** What it is about: the connection itself, or a transaction. */
  readonly within: Subject
  readonly deadline: number
  /** What the hook's entry in `questions.ts` has made of the event. */
  readonly facts: unknown
}

export interface PlainTold {
  readonly hook: TellHook
  /** What the hook's entry in `notifications.ts` has made of the event. */
  readonly facts: unknown
}

export type ToWorker =
  | { readonly do: 'ask'; readonly seq: number; readonly question: PlainQuestion }
  | { readonly do: 'tell'; readonly seq: number; readonly told: PlainTold }
  /** A message of another instance of the plugin, as JSON. */
  | { readonly do: 'peer'; readonly seq: number; readonly text: string }
  | { readonly do: 'ping'; readonly seq: number }
  /** What an operator asks of a topic. */
  | {
      readonly do: 'manage'
      readonly seq: number
      readonly topic: keyof ManagedCalls
      readonly part: string
      readonly args: readonly unknown[]
    }
  /** The next page of that answer is wanted, or no page any more. */
  | { readonly do: 'page'; readonly seq: number; readonly isWanted: boolean }
  /** The address of the management port; sent before what runs code of the plugin. */
  | { readonly do: 'managed-at'; readonly at: string | undefined }
  /** The answer is no longer wanted, or has been asked for elsewhere. */
  | { readonly do: 'abort'; readonly seq: number }
  /** It has ended. */
  | { readonly do: 'forget'; readonly subject: Subject }
  /** The result of a call. */
  | {
      readonly do: 'result'
      readonly id: number
      readonly value: unknown
      readonly error?: { readonly code: ErrorCode; readonly message: string }
    }
  | { readonly do: 'unload' }

/** What a plugin in a worker can have done in the proxy. A name that is added stops the build until `calls.ts` does it. */
export const CALL_NAMES = [
  /** A call of the turn `seq`. */
  'turn',
  'fetch',
  'state.get',
  'state.set',
  'state.add',
  'state.delete',
  'state.increment',
  'state.keys',
  'peers.send',
] as const
export type CallName = (typeof CALL_NAMES)[number]

export type FromWorker =
  | ({ readonly did: 'load' } & Offers)
  | { readonly did: 'not-load'; readonly code: ErrorCode; readonly message: string }
  | { readonly did: 'return'; readonly seq: number }
  /** Has heard that an answer is not wanted any more: nothing about it follows. */
  | { readonly did: 'withdraw'; readonly seq: number }
  | {
      readonly did: 'answer'
      readonly seq: number
      readonly about: string
      readonly verdict: Verdict
      /** What the plugin has called before, in order, to be done before the verdict counts. */
      readonly effects: readonly unknown[]
    }
  | {
      readonly did: 'fail'
      readonly seq: number
      readonly message: string
      readonly stack?: string | undefined
    }
  /** The plugin reenabled what it had answered, or what was no longer wanted. */
  | { readonly did: 'overdo'; readonly about: string; readonly why: 'second' | 'late' }
  | { readonly did: 'revoke'; readonly what: unknown }
  /** Is to be done in the proxy, which sends the result. */
  | {
      readonly did: 'call'
      readonly id: number
      readonly name: CallName
      readonly args: readonly unknown[]
      readonly seq?: number
    }
  /** The answer to an operator's request, as JSON, or an error. A long list comes in pages; `left` of them follow. */
  | {
      readonly did: 'managed'
      readonly seq: number
      readonly text: string
      readonly left?: number | undefined
      readonly error?: { readonly code: ErrorCode; readonly message: string } | undefined
    }
  | { readonly did: 'metric'; readonly spec: MetricSpec }
  | { readonly did: 'measure'; readonly measure: Measure }
  | {
      readonly did: 'log'
      readonly level: 'debug' | 'note' | 'error'
      readonly message: string
      readonly tag: string
    }

/** What workers tell their owner. */
export type Said = Extract<
  FromWorker,
  { did: 'answer' | 'fail' | 'overdo' | 'log' | 'revoke' | 'call' | 'managed' | 'metric' | 'measure' }
>

/** What an init has done: the same in all workers of a plugin. */
export interface Offers {
  readonly hooks: readonly HookUse[]
  readonly topics: readonly (keyof ManagedCalls)[]
}

/** A continuation that the plugin put on a hook. */
export interface HookUse {
  readonly id: HookId
  readonly options: HookOptions
}
