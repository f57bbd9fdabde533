import type { PeerEvidence } from '../../api/certificate.js'

/** A connection to an origin on one line, as Pingora's SslDigest has it, and the group. */
export function digestText({ protocol, cipher, group, chain: [leaf] }: PeerEvidence): string {
  const organization = /(?:^|\n)O=([^\n]*)/.exec(leaf?.x509.subject ?? '')?.[1]
  return [
    `${protocol} ${cipher ?? 'cipher not known yet'}${group === undefined ? '' : ` ${group}`}`,
    ...(organization === undefined ? [] : [`O=${organization}`]),
    ...(leaf === undefined ? [] : [`serial ${leaf.x509.serialNumber}`, `SHA-256 ${leaf.sha256}`]),
  ].join(', ')
}
