import type { Shares } from './shares.js'

/** What became of one question: addresses, or the code of a failure such as ENOTFOUND. */
export type Outcome =
  | {
      readonly addresses: readonly string[]
      /** Milliseconds for which the addresses may be used; undefined where the source does not tell. */
      readonly ttl: number | undefined
    }
  | { readonly failed: string }

/** One question in flight. */
export interface Asked {
  /** Settles when the question occupies nothing any more. Never rejects. */
  readonly outcome: Promise<Outcome>
  /** @returns false where the question cannot be stopped: it then runs to its end */
  cancel(): boolean
}

/** Answers names: the DNS, or the system's resolver. */
export interface NameSource {
  /** Limits the questions in flight, in all and for each client. */
  readonly shares: Shares
  /** @param name in lower case */
  ask(name: string): Asked
  /** Another object when the source answers otherwise by now: what is remembered is then out of date. */
  epoch(): unknown
  /** Frees its memory. Questions in flight run to their end. */
  close(): void
}
