import { ProxyError } from '../base/errors.js'
import type { Send } from './ctl-client.js'

/** The options of `ctl`, and what each takes. */
export const CTL_OPTIONS = {
  /** Answers as the proxy gives them; the same as `--format json`. */
  json: { type: 'boolean' },
  format: { type: 'string' },
  /** `revoke --all` */
  all: { type: 'boolean' },
  /** `approvals --watch` */
  watch: { type: 'boolean' },
  /** Of `accept` and `reject`: for how long, for what, and why. */
  for: { type: 'string' },
  leaf: { type: 'boolean' },
  issuer: { type: 'boolean' },
  host: { type: 'boolean' },
  why: { type: 'string' },
} as const

type ValueOf<O> = O extends { readonly type: 'string' } ? string : boolean

export type CtlOptions = {
  readonly [O in keyof typeof CTL_OPTIONS]?: ValueOf<(typeof CTL_OPTIONS)[O]> | undefined
} & {
  /** What follows `ctl`. */
  readonly words: readonly string[]
}

/** What to send, and the answer's words. */
export interface Command {
  readonly run: (send: Send) => Promise<unknown>
  readonly text: (answer: never) => readonly string[]
}

/** Typed where it is made: what `run` answers is what `text` takes. */
export const command = <T>(
  run: (send: Send) => Promise<T>,
  text: (answer: T) => readonly string[],
): Command => ({
  run,
  text,
})

export const usage = (message: string): ProxyError => new ProxyError('PTC_USAGE', message)
