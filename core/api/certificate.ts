import type { X509Certificate } from 'node:crypto'
import type { X509ErrorName } from './x509-errors.js'

/** One certificate of a chain. Everything but `der` is computed when first asked for. */
export interface Certificate {
  /** The certificate as the origin sent it, DER. */
  readonly der: Buffer
  /** The subject on one line, as X509_NAME_oneline writes it: `/C=US/O=Example/CN=example.com`. */
  readonly subject: string
  /** The issuer's name, on one line. */
  readonly issuer: string
  /** SHA-256 of `der`, 64 lower-case hex digits. */
  readonly sha256: string
  /** Node's view: names, dates, public key, extensions. */
  readonly x509: X509Certificate
  /** PEM, with a final newline. */
  readonly pem: string
}

/** A certificate in JSON: the PEM is all of it. For both kinds of `toJSON`. */
export function certificateJson({ subject, issuer, sha256, pem }: Certificate): object {
  return { subject, issuer, sha256, pem }
}

/** What OpenSSL's own verification said. It has been computed, and not yet enforced. */
export interface BuiltInResult {
  readonly ok: boolean
  /** `X509_V_OK`, or the name of the first error. */
  readonly name: 'X509_V_OK' | X509ErrorName
  /** The number of that error; 0 when ok. */
  readonly code: number
  /** Which certificate of the chain it concerns, 0 being the leaf; -1 when ok. */
  readonly depth: number
  /** OpenSSL's sentence for it, for people. */
  readonly message: string
}

/** Everything the origin has shown by the time its handshake is parked. */
export interface PeerEvidence {
  /** The name sent in the ClientHello; undefined for an IP address. */
  readonly sni: string | undefined
  /** The name or address that the certificate was checked against. */
  readonly host: string
  /** As sent by the origin, leaf first, never empty. */
  readonly chain: readonly Certificate[]
  /** The path that the built-in check is about, leaf first, up to a trust anchor if one was found. */
  readonly builtChain: readonly Certificate[]
  /** The built-in check as far as proxy.config.ssl.client.verify.server.properties puts it in force. */
  readonly builtIn: BuiltInResult
  /**
   * Its parts, whatever is in force: the chain with its signatures, the name, and what the rule for this origin in
   * sni.yaml demands beyond (absent without demands).
   */
  readonly checks: {
    readonly signature: BuiltInResult
    readonly name: BuiltInResult
    readonly rule?: BuiltInResult
  }
  /**
   * The stapled OCSP response, DER, if the origin sent one. In TLS 1.2 it comes in a message behind the certificate's: the
   * handshake is parked when that has come, too.
   */
  readonly ocspResponse: Buffer | undefined
  /**
   * The certificate timestamps that the origin sent in the TLS extension (RFC 6962 section 3.3.1), if it sent any: a
   * SignedCertificateTimestampList, for `readSctList` of `portcullis/x509`.
   */
  readonly sctList: Buffer | undefined
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly protocol: string
  /**
   * The cipher suite by OpenSSL's name; undefined as long as it is not known. A resumed handshake of TLS 1.3 negotiates cipher
   * and group anew: one with another result than the stored one is not used, and a new connection is judged.
   */
  readonly cipher: string | undefined
  /** The key exchange group by OpenSSL's name; undefined in TLS 1.2, where it is not known yet. */
  readonly group?: string | undefined
  /** What ALPN has negotiated, if anything; in a resumed handshake as for `cipher`, in TLS 1.2 as well. */
  readonly alpn: string | undefined
}
