import { type Child, startChild } from './child.js'
import { MessageReader, type TlsMessage } from './s-server-messages.js'
import { makeTempDir } from './temp-dir.js'

export interface OpensslOriginOptions {
  readonly certPem: string
  readonly keyPem: string
  /** The issuers that are sent with the certificate. */
  readonly issuersPem?: string
  /** Default: both. */
  readonly tls?: '1.2' | '1.3'
  /** Names joined by colons. A group for which the client sends no key share makes a HelloRetryRequest. */
  readonly groups?: string
  /** Asks for a client certificate, `require` insists on one; `caPem` is the issuer that it accepts. */
  readonly clientCertificate?: { readonly caPem: string; readonly require?: boolean }
  /** More arguments of `openssl s_server`. */
  readonly args?: readonly string[]
}

/**
 * `openssl s_server`: a TLS server that is not ours and not Node's, and that tells what it has seen. It answers any
 * request with a page of its own and serves one connection at a time: a second one waits for the first to end.
 */
export interface OpensslOrigin {
  readonly port: number
  readonly child: Child
  /** In order; handshake messages, alerts, ChangeCipherSpec, and one entry for each record of application data. */
  messages(): readonly TlsMessage[]
  /** The names of what has come from clients so far. */
  receivedNames(): string[]
  /** Whether a client has sent it: `Finished`, `fatal certificate_expired`, `ApplicationData`. */
  received(name: string): boolean
  /** The first message of that name that a client has sent, or sends within `ms`. */
  waitFor(name: string): Promise<TlsMessage>
  stop(): Promise<void>
}

export async function opensslOrigin(options: OpensslOriginOptions): Promise<OpensslOrigin> {
  const dir = makeTempDir()
  const reader = new MessageReader()
  const file = (flag: string, name: string, pem: string | undefined): string[] =>
    pem === undefined || pem === '' ? [] : [flag, dir.file(name, pem)]
  const { clientCertificate } = options
  const child = await startChild(
    'openssl',
    [
      ...['s_server', '-accept', '127.0.0.1:0', '-msg', '-www'],
      ...['-cipher', 'DEFAULT@SECLEVEL=0'], // the server must be able to show certificates that no client should accept
      ...file('-cert', 'cert.pem', options.certPem),
      ...file('-key', 'key.pem', options.keyPem),
      ...file('-cert_chain', 'issuers.pem', options.issuersPem),
      ...(options.tls === undefined ? [] : [options.tls === '1.2' ? '-tls1_2' : '-tls1_3']),
      ...(options.groups === undefined ? [] : ['-groups', options.groups]),
      ...file('-CAfile', 'client-ca.pem', clientCertificate?.caPem),
      ...(clientCertificate === undefined ? [] : [clientCertificate.require ? '-Verify' : '-verify', '5']),
      ...(options.args ?? []),
    ],
    { onStdout: text => reader.push(text) },
  )
  const stop = async (): Promise<void> => {
    await child.stop()
    dir.remove()
  }
  const received = (name: string): TlsMessage | undefined =>
    reader.messages.find(message => message.direction === 'in' && message.name === name)
  const receivedNames = (): string[] =>
    reader.messages.filter(message => message.direction === 'in').map(message => message.name)
  try {
    const port = await child.until(
      () => /^ACCEPT .*:(\d+)$/m.exec(child.stdout())?.[1],
      'the server to listen',
    )
    return {
      port: Number(port),
      child,
      messages: () => reader.messages,
      receivedNames,
      received: name => received(name) !== undefined,
      waitFor: name => child.until(() => received(name), `a client's ${name}`),
      stop,
    }
  } catch (cause) {
    await stop()
    throw cause
  }
}

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
