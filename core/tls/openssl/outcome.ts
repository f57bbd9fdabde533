/** The first error of one check: its X509_V_ERR number (0: none) and the certificate it concerns. */
export interface CheckOutcome {
  readonly code: number
  readonly depth: number
}

export const X509_V_OK = 0
export const X509_V_ERR_UNSPECIFIED = 1
export const X509_V_ERR_CERT_REVOKED = 23

export const GOOD: CheckOutcome = Object.freeze({ code: X509_V_OK, depth: -1 })
