/**
 * TLS records as they lie on the wire, for tests that ask what a connection has shown so far. Handshake messages are
 * named as long as they are in plaintext: in TLS 1.2 up to ChangeCipherSpec, in TLS 1.3 up to ServerHello.
 */

export interface TlsRecord {
  readonly type: 'ChangeCipherSpec' | 'Alert' | 'Handshake' | 'ApplicationData' | 'unknown'
  /** Of the record layer, 0x0301 to 0x0303. */
  readonly version: number
  readonly length: number
}

export interface WireView {
  readonly records: readonly TlsRecord[]
  /**
   * What was sent, one name each: `ClientHello`, `ChangeCipherSpec`, `encrypted handshake`, `Alert 2 42`,
   * `encrypted alert`, `ApplicationData`.
   */
  readonly names: readonly string[]
  /** Bytes of an unfinished record at the end. */
  readonly rest: number
}

const TYPES: Readonly<Record<number, TlsRecord['type']>> = {
  20: 'ChangeCipherSpec',
  21: 'Alert',
  22: 'Handshake',
  23: 'ApplicationData',
}

const MESSAGES: Readonly<Record<number, string>> = {
  0: 'HelloRequest',
  1: 'ClientHello',
  2: 'ServerHello',
  4: 'NewSessionTicket',
  11: 'Certificate',
  12: 'ServerKeyExchange',
  13: 'CertificateRequest',
  14: 'ServerHelloDone',
  15: 'CertificateVerify',
  16: 'ClientKeyExchange',
  20: 'Finished',
  22: 'CertificateStatus',
}

/** Reads the bytes of one direction. */
export function readRecords(bytes: Buffer): WireView {
  const records: TlsRecord[] = []
  const names: string[] = []
  let isProtected = false
  let handshake = Buffer.alloc(0)
  let at = 0
  while (at + 5 <= bytes.length && at + 5 + bytes.readUInt16BE(at + 3) <= bytes.length) {
    const length = bytes.readUInt16BE(at + 3)
    const type = TYPES[bytes.readUInt8(at)] ?? 'unknown'
    const body = bytes.subarray(at + 5, at + 5 + length)
    records.push({ type, version: bytes.readUInt16BE(at + 1), length })
    if (type === 'Handshake' && (!isProtected || isSecondHello(body))) {
      handshake = takeMessages(Buffer.concat([handshake, body]), names)
    } else {
      names.push(nameOf(type, body, isProtected))
    }
    if (type === 'ChangeCipherSpec') isProtected = true
    at += 5 + length
  }
  return { records, names, rest: bytes.length - at }
}

/** After a HelloRetryRequest a TLS 1.3 client sends ChangeCipherSpec for show, and then a plaintext ClientHello. */
function isSecondHello(body: Buffer): boolean {
  return body.length > 4 && body[0] === 1 && body.readUIntBE(1, 3) === body.length - 4
}

function takeMessages(bytes: Buffer, names: string[]): Buffer<ArrayBuffer> {
  let at = 0
  while (at + 4 <= bytes.length && at + 4 + bytes.readUIntBE(at + 1, 3) <= bytes.length) {
    const type = bytes.readUInt8(at)
    names.push(MESSAGES[type] ?? `handshake message ${type}`)
    at += 4 + bytes.readUIntBE(at + 1, 3)
  }
  return Buffer.from(bytes.subarray(at))
}

function nameOf(type: TlsRecord['type'], body: Buffer, isProtected: boolean): string {
  if (type === 'Handshake') return 'encrypted handshake'
  if (type !== 'Alert') return type
  return isProtected || body.length !== 2 ? 'encrypted alert' : `Alert ${body[0]} ${body[1]}`
}
