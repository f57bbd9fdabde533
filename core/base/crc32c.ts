/** CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of a PROXY header; the one of `node:zlib` has another polynomial. */

const REVERSED_POLYNOMIAL = 0x82f6_3b78

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? REVERSED_POLYNOMIAL : 0)
  return value
})

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0)
  return ~crc >>> 0
}
