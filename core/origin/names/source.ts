import type { Shares } from './shares.js'

/** What became of one question: addresses, or the code of a failure such as ENOTFOUND. */
export type Outcome =
  | {
      readonly addresses: readonly string[]
      /** Milliseconds for which the addresses may be used; undefined where the source does not tell. */
      readonly ttl: number | undefined
    }
  | { readonly failed: string }

/** One question under way. */
export interface Asked {
  /** Settles when the question occupies nothing any more. Never rejects. */
  readonly outcome: Promise<Outcome>
  /** @returns false where the question cannot be stopped: it then runs to its end */
  cancel(): boolean
}

/** Answers names: the DNS, or the system's resolver. */
export interface NameSource {
  /** How many questions may be under way, and for which client. */
  readonly shares: Shares
  /** @param name in lower case */
  ask(name: string): Asked
  /** Another object when the source answers otherwise by now: what is remembered is then out of date. */
  epoch(): unknown
  /** Lets go of what it keeps. Questions under way run to their end. */
  close(): void
}
