/**
 * TLS towards clients. Nothing has to be verified or held there by an engine, so it is Node's; this is the one file that
 * lets node:tls make a handshake.
 */
import type { Socket } from 'node:net'
import { createSecureContext, type SecureContext, TLSSocket, type TLSSocketOptions } from 'node:tls'
import { ProxyError } from '../base/errors.js'
import { codeOf } from '../base/system-error.js'

/** What is offered to clients by ALPN, and all that is spoken with them. */
const ALPN = ['http/1.1']

/** Certificates with their issuers, PEM, and their keys; several when they have keys of different types. */
export interface ServerPems {
  readonly certPem: string | readonly string[]
  readonly keyPem: string | readonly string[]
}

export function serverContext({ certPem, keyPem }: ServerPems): SecureContext {
  return createSecureContext({ cert: flat(certPem), key: flat(keyPem), minVersion: 'TLSv1.2' })
}

const flat = (pem: string | readonly string[]): string | string[] =>
  typeof pem === 'string' ? pem : [...pem]

/** What to show a client that asks for a name, or for none. */
export type ChooseContext = (sni?: string) => SecureContext

function optionsOf(context: SecureContext | ChooseContext): TLSSocketOptions {
  const own = { isServer: true, ALPNProtocols: ALPN }
  if (typeof context !== 'function') return { ...own, secureContext: context }
  return {
    ...own,
    secureContext: context(),
    SNICallback: (sni, done) => done(null, context(sni)),
  }
}

/**
 * Makes the handshake with a client. The socket is paused, its first byte still to be read.
 * @param timeout milliseconds for the whole handshake
 * @throws {ProxyError} PTC_CLIENT_HANDSHAKE; the socket is closed then
 */
export function acceptTls(
  socket: Socket,
  context: SecureContext | ChooseContext,
  timeout: number,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secured = new TLSSocket(socket, optionsOf(context))
    let why = 'it closed the connection'
    const settle = (): void => {
      clearTimeout(timer)
      secured.off('close', onClose)
    }
    const onClose = (): void => {
      settle()
      reject(new ProxyError('PTC_CLIENT_HANDSHAKE', `the client did not finish its TLS handshake: ${why}`))
    }
    const timer = setTimeout(() => {
      why = `not done after ${timeout} ms`
      secured.destroy()
    }, timeout)
    secured.on('error', ignore) // for good: its close follows
    // Undocumented, and for the message alone: it tells a client that does not trust us from one that left.
    secured.on('_tlsError', (error: unknown) => {
      why = codeOf(error)
    })
    secured.once('close', onClose)
    secured.once('secure', () => {
      settle()
      resolve(secured)
    })
  })
}

const ignore = (): void => {}
