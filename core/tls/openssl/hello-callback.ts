/**
 * The C callbacks of inbound handshakes. OpenSSL calls them within SSL_do_handshake: when a ClientHello has arrived, when it
 * picks a protocol, and when it needs a certificate. It calls the first and the last again each time the handshake is
 * continued while it is parked there. They find the engine by the `SSL*`. An exception must not reach C: it ends the
 * handshake.
 */

import * as server from './inbound-library.js'
import type { Handle } from './library.js'
import * as ssl from './library.js'

/** The answer to OpenSSL: 1 continues, -1 parks, 0 fails. */
export type GateAnswer = 1 | -1 | 0

/** An engine, as the callbacks see it. */
export interface InboundSubject {
  /** The ClientHello can be read with SSL_client_hello_… during the call. */
  onHello(): GateAnswer
  onCertificate(): GateAnswer
  /** @returns one of the offered protocols, undefined for none */
  onAlpn(offered: readonly string[]): number | undefined
}

const FAIL = 0
const SSL_TLSEXT_ERR_OK = 0
const SSL_TLSEXT_ERR_ALERT_FATAL = 2

/** Inbound engines by their `SSL*`. */
export const inboundSubjects = new Map<Handle, InboundSubject>()

interface Callbacks {
  readonly hello: bigint
  readonly certificate: bigint
  readonly alpn: bigint
}

let registered: Callbacks | undefined

export function gateCallbacks(): Callbacks {
  registered ??= {
    hello: server.registerHelloCallback(handle => gate(handle, subject => subject.onHello())),
    certificate: server.registerCertCallback(handle => gate(handle, subject => subject.onCertificate())),
    alpn: server.registerAlpnCallback(onAlpn),
  }
  return registered
}

function gate(handle: Handle, ask: (subject: InboundSubject) => GateAnswer): GateAnswer {
  try {
    const subject = inboundSubjects.get(handle)
    return subject === undefined ? FAIL : ask(subject)
  } catch {
    return FAIL
  }
}

function onAlpn(handle: Handle, out: Handle, outLength: Handle, offered: Handle, length: number): number {
  try {
    const wire = ssl.copyFrom(offered, length)
    const at = positions(wire)
    const chosen = inboundSubjects
      .get(handle)
      ?.onAlpn(at.map(i => wire.toString('latin1', i, i + lengthAt(wire, i))))
    const start = chosen === undefined ? undefined : at[chosen]
    if (start === undefined) return SSL_TLSEXT_ERR_ALERT_FATAL
    server.writeAddress(out, (offered + start) as Handle)
    server.writeByte(outLength, lengthAt(wire, start))
    return SSL_TLSEXT_ERR_OK
  } catch {
    return SSL_TLSEXT_ERR_ALERT_FATAL
  }
}

/** The offset of each name; OpenSSL has checked that the lengths fit. */
function positions(wire: Buffer): readonly number[] {
  const found: number[] = []
  for (let at = 1; at < wire.length; at += lengthAt(wire, at) + 1) found.push(at)
  return found
}

const lengthAt = (wire: Buffer, start: number): number => wire[start - 1] ?? 0
