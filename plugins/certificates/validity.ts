import type { Certificate } from 'portcullis/plugin'

/** When a certificate begins and ends, in milliseconds since the epoch; null for a date that cannot be read. */
export function validityOf({ x509 }: Certificate): {
  readonly notBefore: number | null
  readonly notAfter: number | null
} {
  return { notBefore: timeIn(x509.validFrom), notAfter: timeIn(x509.validTo) }
}

/** OpenSSL shows a malformed date as `Bad time value`. */
function timeIn(text: string): number | null {
  const time = Date.parse(text)
  return Number.isNaN(time) ? null : time
}
