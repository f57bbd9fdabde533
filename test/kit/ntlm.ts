/**
 * NTLM as far as a test needs it (MS-NLMP): both sides of an NTLMv2 login, whose password is `password`. The origin checks
 * the client's proof against the challenge of the very connection.
 */
import { createHmac, randomBytes } from 'node:crypto'

const SIGNATURE = Buffer.from('NTLMSSP\0')
/** MD4 of `password` in UTF-16: Node's OpenSSL has no MD4 any more. */
const NT_HASH = Buffer.from('8846f7eaee8fb117ad06bdd830b7586c', 'hex')

/** Unicode, NTLM, extended session security, target information, always sign. */
const FLAGS = 0x1 | 0x200 | 0x8000 | 0x80000 | 0x800000

const hmac = (key: Buffer, ...parts: Buffer[]): Buffer => {
  const made = createHmac('md5', key)
  for (const part of parts) made.update(part)
  return made.digest()
}

const proofOf = (user: string, domain: string, challenge: Buffer, blob: Buffer): Buffer =>
  hmac(hmac(NT_HASH, Buffer.from(user.toUpperCase() + domain, 'utf16le')), challenge, blob)

function message(type: number, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  SIGNATURE.copy(bytes)
  bytes.writeUInt32LE(type, 8)
  return bytes
}

/** A message's type, or undefined if it is none. */
export function typeOf(bytes: Buffer): number | undefined {
  return bytes.length >= 12 && bytes.subarray(0, 8).equals(SIGNATURE) ? bytes.readUInt32LE(8) : undefined
}

/** Of the client: begins. */
export function negotiate(): Buffer {
  const bytes = message(1, 32)
  bytes.writeUInt32LE(FLAGS, 12)
  return bytes
}

/** Of the origin: what it wants a proof for. */
export function challenge(): { readonly bytes: Buffer; readonly nonce: Buffer } {
  const nonce = randomBytes(8)
  const info = Buffer.alloc(4) // an empty list
  const bytes = Buffer.concat([message(2, 48), info])
  bytes.writeUInt32LE(48, 16)
  bytes.writeUInt32LE(FLAGS, 20)
  nonce.copy(bytes, 24)
  bytes.writeUInt16LE(info.length, 40)
  bytes.writeUInt16LE(info.length, 42)
  bytes.writeUInt32LE(48, 44)
  return { bytes, nonce }
}

/** Of the client: the proof, for the challenge that has come. */
export function authenticate(user: string, challenged: Buffer): Buffer {
  const nonce = challenged.subarray(24, 32)
  const blob = Buffer.concat([
    Buffer.from([1, 1, 0, 0, 0, 0, 0, 0]),
    Buffer.alloc(8),
    randomBytes(8),
    Buffer.alloc(12),
  ])
  const response = Buffer.concat([proofOf(user, '', nonce, blob), blob])
  const name = Buffer.from(user, 'utf16le')
  const head = message(3, 64)
  const place = (at: number, length: number, offset: number): void => {
    head.writeUInt16LE(length, at)
    head.writeUInt16LE(length, at + 2)
    head.writeUInt32LE(offset, at + 4)
  }
  for (const at of [12, 28, 44, 52]) place(at, 0, 64)
  place(36, name.length, 64)
  place(20, response.length, 64 + name.length)
  head.writeUInt32LE(FLAGS, 60)
  return Buffer.concat([head, name, response])
}

/** The user whose proof for `nonce` is right. */
export function authenticated(bytes: Buffer, nonce: Buffer): string | undefined {
  if (typeOf(bytes) !== 3 || bytes.length < 64) return undefined
  const field = (at: number): Buffer => {
    const offset = bytes.readUInt32LE(at + 4)
    return bytes.subarray(offset, offset + bytes.readUInt16LE(at))
  }
  const response = field(20)
  const domain = field(28).toString('utf16le')
  const user = field(36).toString('utf16le')
  const proof = proofOf(user, domain, nonce, response.subarray(16))
  return response.subarray(0, 16).equals(proof) ? user : undefined
}
