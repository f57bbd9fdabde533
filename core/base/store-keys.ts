/**
 * What is kept in a store beside the proxy (Redis, memcached) is sealed with AES-256-GCM, bound to the id of the item, so that
 * no stored item can take the place of another. Plugins import it as `portcullis/store-keys`.
 *
 *     version 1 | key 4 bytes | nonce 12 bytes | tag 16 bytes | ciphertext
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { ProxyError } from './errors.js'

const VERSION = 1
const KEY_ID_BYTES = 4
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEADER_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES
/** 32 bytes in hexadecimal, or in base64. */
const KEY_LINE = /^(?:[0-9a-f]{64}|[0-9A-Za-z+/]{43}=)$/

interface Key {
  readonly id: Buffer
  readonly secret: Buffer
  /** For names. */
  readonly naming: Buffer
}

export class StoreKeys {
  readonly #keys: readonly [Key, ...Key[]]

  private constructor(keys: readonly [Key, ...Key[]]) {
    this.#keys = keys
  }

  /**
   * @param text a key a line; the first seals, all open: a new key is put in front of the old one
   * @param use what is sealed: keys of one use open nothing of another
   * @throws {ProxyError} PTC_STORE_KEYS, which says which line is no key
   */
  static fromKeys(text: string, use: string): StoreKeys {
    const keys = text
      .split('\n')
      .map(line => line.trim())
      .map((line, i) => (line === '' || line.startsWith('#') ? undefined : toKey(line, i + 1, use)))
      .filter(key => key !== undefined)
    const [first, ...others] = keys
    if (first === undefined)
      throw new ProxyError('PTC_STORE_KEYS', 'there is no key; `openssl rand -hex 32` makes one')
    return new StoreKeys([first, ...others])
  }

  seal(item: Uint8Array, id: Buffer): Buffer {
    const [key] = this.#keys
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', key.secret, nonce).setAAD(id)
    const sealed = Buffer.concat([cipher.update(item), cipher.final()])
    return Buffer.concat([Buffer.from([VERSION]), key.id, nonce, cipher.getAuthTag(), sealed])
  }

  /** The item in what was sealed for this id; undefined when it is anything else. */
  open(bytes: Buffer, id: Buffer): Buffer | undefined {
    if (bytes.length < HEADER_BYTES || bytes[0] !== VERSION) return undefined
    const [keyId, nonce, tag, sealed] = split(bytes.subarray(1), KEY_ID_BYTES, NONCE_BYTES, TAG_BYTES)
    const key = this.#keys.find(known => known.id.equals(keyId))
    if (key === undefined) return undefined
    const decipher = createDecipheriv('aes-256-gcm', key.secret, nonce).setAAD(id).setAuthTag(tag)
    try {
      return Buffer.concat([decipher.update(sealed), decipher.final()])
    } catch {
      return undefined
    }
  }

  /** The name that an item is stored under. It hides the id, which may be secret or personal. */
  nameOf(id: Buffer): string {
    return createHash('sha256').update(id).digest('base64url')
  }

  /** A name by which no id can be guessed without the first key; another first key makes another name. */
  secretNameOf(id: Buffer): string {
    return createHmac('sha256', this.#keys[0].naming).update(id).digest('base64url')
  }
}

function toKey(line: string, number: number, use: string): Key {
  if (!KEY_LINE.test(line))
    throw new ProxyError('PTC_STORE_KEYS', `line ${number} is no key of 32 bytes in hexadecimal or base64`)
  const raw = Buffer.from(line, line.length === 64 ? 'hex' : 'base64')
  const derive = (part: string, length: number): Buffer =>
    Buffer.from(hkdfSync('sha256', raw, '', `portcullis ${use} ${part}`, length))
  return { id: derive('id', KEY_ID_BYTES), secret: derive('secret', 32), naming: derive('naming', 32) }
}

function split(bytes: Buffer, a: number, b: number, c: number): readonly [Buffer, Buffer, Buffer, Buffer] {
  return [
    bytes.subarray(0, a),
    bytes.subarray(a, a + b),
    bytes.subarray(a + b, a + b + c),
    bytes.subarray(a + b + c),
  ]
}
