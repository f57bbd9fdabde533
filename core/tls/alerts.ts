/** A TLS alert, by its number and its name in RFC 8446 section 6.2. */
export interface Alert {
  readonly number: number
  readonly name: string
}

/** The alert for a client that is refused before OpenSSL handles its connection. */
export const ACCESS_DENIED = 49
export const DECODE_ERROR = 50
export const INTERNAL_ERROR = 80
export const UNRECOGNIZED_NAME = 112

const BAD_CERTIFICATE = { number: 42, name: 'bad_certificate' }
const CERTIFICATE_UNKNOWN = { number: 46, name: 'certificate_unknown' }

/** Which X509_V_ERR codes make OpenSSL 3 send which alert. */
const CODES: readonly (readonly [alert: Alert, codes: readonly number[]])[] = [
  [{ number: 40, name: 'handshake_failure' }, [50]],
  [BAD_CERTIFICATE, [4, 5, 6, 9, 11, 13, 14, 15, 16, 27, 28, 62, 63, 64, 65, 66, 67, 68, 94]],
  [{ number: 43, name: 'unsupported_certificate' }, [26]],
  [{ number: 44, name: 'certificate_revoked' }, [23]],
  [{ number: 45, name: 'certificate_expired' }, [10, 12]],
  [{ number: 48, name: 'unknown_ca' }, [2, 3, 18, 19, 20, 21, 22, 25, 33, 79]],
  [{ number: 51, name: 'decrypt_error' }, [7, 8]],
  [{ number: 80, name: 'internal_error' }, [1, 17, 69, 70]],
]

const BY_CODE: ReadonlyMap<number, Alert> = new Map(
  CODES.flatMap(([alert, codes]) => codes.map(code => [code, alert] as const)),
)

/** The alert that the origin receives when its certificate is rejected with this X509_V_ERR code. */
export function alertOf(code: number): Alert {
  return BY_CODE.get(code) ?? CERTIFICATE_UNKNOWN
}
