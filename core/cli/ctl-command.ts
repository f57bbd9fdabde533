import { ProxyError } from '../base/errors.js'
import type { OptionValues } from './command-line.js'
import type { Send } from './ctl-client.js'

export type CtlOptions = OptionValues & {
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
