import * as ssl from './library.js'
import { type Handle, NULL } from './library.js'

const SSL_CTRL_GET_NEGOTIATED_GROUP = 134

/** What a handshake negotiates. A resumed one does it anew, except for the cipher of TLS 1.2, which is that of its session. */
export interface Negotiated {
  readonly protocol: string
  readonly cipher: string | undefined
  readonly group: string | undefined
  readonly alpn: string | undefined
}

export function negotiatedIn(handle: Handle, alpn: string | undefined): Negotiated {
  const current = ssl.SSL_get_current_cipher(handle)
  // In TLS 1.2 the cipher is in force only after the certificate.
  const cipher = current === NULL ? ssl.SSL_get_pending_cipher(handle) : current
  return {
    protocol: ssl.SSL_get_version(handle),
    cipher: cipher === NULL ? undefined : ssl.SSL_CIPHER_get_name(cipher),
    group: groupOf(handle),
    alpn,
  }
}

function groupOf(handle: Handle): string | undefined {
  const id = ssl.SSL_ctrl(handle, SSL_CTRL_GET_NEGOTIATED_GROUP, 0, NULL)
  return id === 0 ? undefined : (ssl.SSL_group_to_name(handle, id) ?? undefined)
}

/**
 * Whether a resumed handshake is as the one that was judged: its result of ALPN (RFC 7301 section 3.1), and in TLS 1.3 cipher
 * and group (RFC 8446 sections 4.2.9 and 4.6.1: a session binds only the hash of its cipher). The group of TLS 1.2 is not
 * known when the chain is shown.
 */
export const isAsJudged = (judged: Negotiated, { protocol, cipher, group, alpn }: Negotiated): boolean =>
  protocol === judged.protocol &&
  alpn === judged.alpn &&
  cipher === judged.cipher &&
  (protocol === 'TLSv1.2' || group === judged.group)
