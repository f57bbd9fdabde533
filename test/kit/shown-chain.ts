/** An origin of TLS 1.2 that shows any bytes as certificates: nothing of its flight is encrypted or signed by then. */

import { OriginEngine, type OriginEngineOptions, sharedContext } from './origin-engine.js'
import type { Issued } from './pki.js'

const HANDSHAKE = 22
const CERTIFICATE = 11
const MAX_RECORD = 16_384

const optionsOf = new WeakMap<Issued, OriginEngineOptions>()

/**
 * The first two messages of an origin: ServerHello and a Certificate with these certificates.
 * @param hello the client's first flight
 * @param own a certificate that the ServerHello can be made with
 */
export function flightWith(hello: Uint8Array, own: Issued, chain: readonly Uint8Array[]): Buffer {
  const options = optionsOf.get(own) ?? { ...own, version: '1.2' }
  optionsOf.set(own, options)
  const server = new OriginEngine(options, sharedContext(options))
  try {
    server.receive(hello)
    server.advance()
    return records(Buffer.concat([firstMessage(payloads(server.take())), certificateMessage(chain)]))
  } finally {
    server.free()
  }
}

/** What is in the records. */
function payloads(bytes: Buffer): Buffer {
  const all: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt16BE(at + 3))
    all.push(bytes.subarray(at + 5, at + 5 + bytes.readUInt16BE(at + 3)))
  return Buffer.concat(all)
}

const firstMessage = (messages: Buffer): Buffer => messages.subarray(0, 4 + messages.readUIntBE(1, 3))

function certificateMessage(chain: readonly Uint8Array[]): Buffer {
  const list = withLength(Buffer.concat(chain.map(withLength)))
  return Buffer.concat([Buffer.from([CERTIFICATE]), withLength(list)])
}

function withLength(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(3)
  length.writeUIntBE(bytes.length, 0, 3)
  return Buffer.concat([length, bytes])
}

function records(messages: Buffer): Buffer {
  const all: Buffer[] = []
  for (let at = 0; at < messages.length; at += MAX_RECORD) {
    const part = messages.subarray(at, at + MAX_RECORD)
    all.push(Buffer.from([HANDSHAKE, 3, 3, part.length >> 8, part.length & 0xff]), part)
  }
  return Buffer.concat(all)
}
