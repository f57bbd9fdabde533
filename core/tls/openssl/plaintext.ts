import { addressOf, type Handle } from './library.js'

/** One TLS record's worth; SSL_read never gives more at once. */
export const RECORD_BYTES = 16_384
const PLAINTEXT_BYTES = 8 * RECORD_BYTES

/** Memory that SSL_read writes to. Its bytes do not move. */
export interface Plaintext {
  readonly bytes: Buffer
  readonly address: Handle
}

function allocate(): Plaintext {
  const bytes = Buffer.allocUnsafeSlow(PLAINTEXT_BYTES)
  return { bytes, address: addressOf(bytes) }
}

/** The one that is used again and again; undefined while it is lent. */
let spare: Plaintext | undefined

/** Lends memory for one read. Whoever reads meanwhile, from within the receiver, gets memory of its own. */
export function borrowPlaintext(): Plaintext {
  const lent = spare ?? allocate()
  spare = undefined
  return lent
}

/** Takes memory back of which nobody keeps a view. What is not given back belongs to those who keep views of it. */
export function returnPlaintext(memory: Plaintext): void {
  spare = memory
}
