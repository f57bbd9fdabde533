import { types } from 'node:util'

/** A session holds the certificates of its client. */
const MAX_SESSION = 1_048_576

/** Whether what a plugin provides can be a session; it may be anything, also what throws when it is asked what it is. */
export const isSessionBytes = (given: unknown): given is Uint8Array =>
  types.isUint8Array(given) && given.byteLength <= MAX_SESSION
