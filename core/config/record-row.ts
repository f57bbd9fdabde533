/**
 * What the table of records says about one record. Everything else is derived from it: the type of the value, its
 * validation, its default and its page in docs/reference/records.md.
 */

/** Traffic Server's data types. COUNTER is read as INT is. */
export type RecordType = 'INT' | 'FLOAT' | 'STRING' | 'COUNTER'

export type RecordValue = number | string | null

export interface RecordRow {
  readonly type: RecordType
  readonly default: RecordValue
  /** A STRING that may be `NULL`. */
  readonly nullable?: true
  /** JSON schema keywords, as ajv reads them. */
  readonly enum?: readonly (number | string)[]
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
  /** What `pattern` asks for, in words: "must be …". */
  readonly shape?: string
  readonly unit?: 's' | 'ms' | 'bytes'
  /** False for a record that needs a restart; a reload takes over a new value of every other. */
  readonly reload?: boolean
  /** For operators: what the record does. */
  readonly about: string
  /** The value may hold a password: no error shows it. */
  readonly isSecret?: true
  /** Why a value that Traffic Server knows is refused here. */
  readonly refused?: string
}

/** The type of a record's value, from its row. */
export type ValueOf<R extends RecordRow> =
  | (R extends { readonly enum: readonly (infer V)[] } ? V : R['type'] extends 'STRING' ? string : number)
  | (R extends { readonly nullable: true } ? null : never)

/** An on/off value. */
export const SWITCH = { type: 'INT', enum: [0, 1] } as const

/** A time: never none, because nothing waits without a deadline; at most what a timer can hold. */
export const SECONDS = { type: 'INT', minimum: 1, maximum: 2_147_483, unit: 's' } as const
export const MILLISECONDS = { type: 'INT', minimum: 1, maximum: 2_147_483_647, unit: 'ms' } as const

/** A file name without its folder, as Traffic Server demands it: no blanks. */
export const FILE = { type: 'STRING', pattern: '^\\S+$', shape: 'a file name without blanks' } as const
export const OPTIONAL_FILE = { ...FILE, nullable: true } as const
export const OPTIONAL_FOLDER = { type: 'STRING', nullable: true, shape: 'a folder' } as const

/** OpenSSL's lists: names joined by colons, without blanks. */
export const OPENSSL_LIST = {
  type: 'STRING',
  nullable: true,
  pattern: '^\\S+$',
  shape: 'a list in the syntax of OpenSSL, without blanks',
} as const
