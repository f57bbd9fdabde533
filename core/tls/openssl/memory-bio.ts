import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'
import { Owned } from './owned.js'

const BIO_CTRL_RESET = 1
const BIO_C_SET_BUF_MEM_EOF_RETURN = 130

/** A new memory BIO whose emptiness means "later", not "end". */
export function newMemoryBio(): Handle {
  const bio = ssl.BIO_new(ssl.BIO_s_mem())
  if (bio !== NULL) ssl.BIO_ctrl(bio, BIO_C_SET_BUF_MEM_EOF_RETURN, -1, NULL)
  return bio
}

/** Takes all bytes out of a memory BIO. */
export function drainBio(bio: Handle): Buffer | undefined {
  const length = ssl.BIO_ctrl_pending(bio)
  if (length === 0) return undefined
  const bytes = Buffer.allocUnsafe(length)
  const taken = ssl.BIO_read(bio, bytes, length)
  return taken === length ? bytes : bytes.subarray(0, Math.max(taken, 0))
}

/** One BIO that passes bytes in and out of OpenSSL. Each use ends before the next one begins. */
const scratch = new Owned('scratch BIO', newMemoryBio(), bio => void ssl.BIO_free(bio))

/** Calls `use` with the scratch BIO, filled with `bytes`, and empties it afterwards. */
export function withBio<T>(bytes: Uint8Array | undefined, use: (bio: Handle) => T): T {
  const bio = scratch.handle
  try {
    if (bytes !== undefined && bytes.length > 0) ssl.BIO_write(bio, bytes, bytes.length)
    return use(bio)
  } finally {
    ssl.BIO_ctrl(bio, BIO_CTRL_RESET, 0, NULL)
  }
}
