/**
 * Which acceptances are revoked: of one host, of a public key or a certificate (as leaf), or all of them.
 *
 * `host` is a name or an address, as in a URL. `spki` is the SHA-256 of the leaf's SubjectPublicKeyInfo, as in a pin:
 * base64, or 64 hex digits; `certificate` the SHA-256 of the leaf, in the same forms.
 */
export type Revocation =
  | 'all'
  | { readonly host: string }
  | { readonly spki: string }
  | { readonly certificate: string }
