/** Numbers and vectors as TLS writes them. */
export function uint(value: number, bytes: number): Buffer {
  const out = Buffer.alloc(bytes)
  out.writeUIntBE(value, 0, bytes)
  return out
}

export const vector = (bytes: Buffer, lengthBytes: number): Buffer =>
  Buffer.concat([uint(bytes.length, lengthBytes), bytes])
