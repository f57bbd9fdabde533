/** Why what a source has sent says nothing about a certificate. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

/** What an authority says about one certificate, or why nothing is known. Times are milliseconds since the epoch. */
export type Answer =
  | { readonly kind: 'good'; readonly until: number; readonly from: string }
  | { readonly kind: 'revoked'; readonly at: number; readonly reason: string; readonly from: string }
  /** The certificate demands a staple, and there is no good one. */
  | { readonly kind: 'unstapled'; readonly why: string }
  /** There is no source to ask. */
  | { readonly kind: 'none' }
  /** There is one, and it gave no answer. */
  | { readonly kind: 'failed'; readonly why: string }

/** The words of RFC 5280 section 5.3.1, by their numbers. */
const REASONS = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  undefined,
  'removeFromCRL',
  'privilegeWithdrawn',
  'aACompromise',
]

export const reasonName = (reason: number | undefined): string =>
  reason === undefined ? 'no reason given' : (REASONS[reason] ?? `reason ${reason}`)
