/** WebSockets by hand (RFC 6455): an origin that sends text frames back, and frames as clients make them. */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

export const WEB_SOCKET_KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

/** The answer to a key: Sec-WebSocket-Accept. */
export const acceptOf = (key: string): string =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')

/** A text frame, masked as a client's has to be. */
export function maskedFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  const mask = Buffer.from([1, 2, 3, 4])
  return Buffer.concat([lengthOf(payload, 0x80), mask, unmask(payload, mask)])
}

/** The payload of a frame that a server has sent, once it is complete. */
export function frameText(bytes: Buffer): string | undefined {
  const frame = parseFrame(bytes)
  return frame?.payload.toString()
}

/** For the `upgrade` event of a server: accepts, and sends every text frame back. */
export function echoFrames(req: IncomingMessage, socket: Duplex): void {
  const accept = acceptOf(String(req.headers['sec-websocket-key']))
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  let pending = Buffer.alloc(0)
  socket.on('error', () => socket.destroy())
  socket.on('end', () => socket.end())
  socket.on('data', (bytes: Buffer) => {
    pending = Buffer.concat([pending, bytes])
    for (let frame = parseFrame(pending); frame !== undefined; frame = parseFrame(pending)) {
      pending = pending.subarray(frame.size)
      if (frame.opcode === 1) socket.write(Buffer.concat([lengthOf(frame.payload, 0), frame.payload]))
      else socket.end()
    }
  })
}

interface Frame {
  readonly opcode: number
  readonly payload: Buffer
  readonly size: number
}

function parseFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < 2) return undefined
  const [first = 0, second = 0] = bytes
  const isMasked = second >= 0x80
  const isLong = (second & 0x7f) === 126
  const start = (isLong ? 4 : 2) + (isMasked ? 4 : 0)
  if (bytes.length < start) return undefined
  const size = start + (isLong ? bytes.readUInt16BE(2) : second & 0x7f)
  if (bytes.length < size) return undefined
  const payload = bytes.subarray(start, size)
  return {
    opcode: first & 15,
    payload: isMasked ? unmask(payload, bytes.subarray(start - 4, start)) : payload,
    size,
  }
}

/** Up to 65,535 bytes. */
function lengthOf({ length }: Buffer, masked: number): Buffer {
  return length < 126
    ? Buffer.from([0x81, masked | length])
    : Buffer.from([0x81, masked | 126, length >> 8, length & 255])
}

const unmask = (bytes: Buffer, mask: Buffer): Buffer =>
  Buffer.from(bytes.map((byte, i) => byte ^ (mask[i % 4] ?? 0)))
