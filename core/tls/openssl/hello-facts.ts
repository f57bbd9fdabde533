import * as server from './inbound-library.js'
import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'

/** A ClientHello as OpenSSL has read it, copied out of its memory. */
export interface HelloFacts {
  /** The client used the framing of SSL 2: the fields below have no meaning then. */
  readonly isSsl2: boolean
  readonly legacyVersion: number
  readonly legacySessionId: Buffer
  /** Cipher suites by their numbers, in the client's order. */
  readonly ciphers: readonly number[]
  /** Extensions by their numbers, in the client's order. */
  readonly extensions: ReadonlyMap<number, Buffer>
}

/** Call it within the ClientHello callback only. */
export function readHelloFacts(handle: Handle): HelloFacts {
  return {
    isSsl2: server.SSL_client_hello_isv2(handle) === 1,
    legacyVersion: server.SSL_client_hello_get0_legacy_version(handle),
    legacySessionId: bytesOf(out => server.SSL_client_hello_get0_session_id(handle, out)),
    ciphers: numbers(bytesOf(out => server.SSL_client_hello_get0_ciphers(handle, out))),
    extensions: new Map(typesOf(handle).map(type => [type, bodyOf(handle, type)])),
  }
}

function bytesOf(get: (out: [Handle]) => number): Buffer {
  const at: [Handle] = [NULL]
  const length = Number(get(at))
  return at[0] === NULL || length === 0 ? Buffer.alloc(0) : ssl.copyFrom(at[0], length)
}

function numbers(bytes: Buffer): readonly number[] {
  return Array.from({ length: bytes.length >> 1 }, (_, i) => bytes.readUInt16BE(2 * i))
}

const INT_BYTES = 4

function typesOf(handle: Handle): readonly number[] {
  const at: [Handle] = [NULL]
  const count: [number] = [0]
  if (server.SSL_client_hello_get1_extensions_present(handle, at, count) !== 1 || at[0] === NULL) return []
  try {
    const bytes = ssl.copyFrom(at[0], Number(count[0]) * INT_BYTES)
    return Array.from({ length: Number(count[0]) }, (_, i) => bytes.readInt32LE(i * INT_BYTES))
  } finally {
    server.OPENSSL_free(at[0])
  }
}

function bodyOf(handle: Handle, type: number): Buffer {
  const length: [number] = [0]
  return bytesOf(out => (server.SSL_client_hello_get0_ext(handle, type, out, length) === 1 ? length[0] : 0))
}
