/**
 * The text for `openssl s_server -serverinfo`: an extension that the server sends when a client has asked for it, in the
 * ServerHello of TLS 1.2 and beside the first certificate of TLS 1.3.
 */
export function serverInfo(type: number, content: Buffer): string {
  // SSL_EXT_CLIENT_HELLO, SSL_EXT_TLS1_2_SERVER_HELLO, SSL_EXT_TLS1_3_CERTIFICATE, SSL_EXT_IGNORE_ON_RESUMPTION
  const head = Buffer.alloc(8)
  head.writeUInt32BE(0x80 | 0x100 | 0x1000 | 0x40)
  head.writeUInt16BE(type, 4)
  head.writeUInt16BE(content.length, 6)
  const base64 = Buffer.concat([head, content]).toString('base64').replace(/.{64}/g, '$&\n')
  return `-----BEGIN SERVERINFOV2 FOR TEST-----\n${base64}\n-----END SERVERINFOV2 FOR TEST-----\n`
}
