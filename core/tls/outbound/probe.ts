/** A probe wants the verdict alone. Where the origin asks for a certificate that we have not, its handshake is given up. */

import { LINGER } from '../../vconn/linger.js'
import { endGently, type Link, LinkOver, type LinkSink } from '../../vconn/link.js'
import type { OutboundEngine } from '../openssl/outbound-engine.js'
import { CANCELED } from '../sniff/record-layer.js'
import type { OutboundSettings } from './settings.js'
import type { TlsTarget } from './start-tls.js'

/** Whether a handshake that was accepted need not be finished. */
export function isVerdictEnough(
  { isProbe = false }: TlsTarget,
  { context }: OutboundSettings,
  engine: OutboundEngine,
): boolean {
  return isProbe && !context.hasCertificate && engine.isProvenAndAsking
}

/** Ends the handshake. The engine's answer, with an empty list of certificates, is not sent. */
export function giveUp(tcp: Link, engine: OutboundEngine): void {
  engine.take()
  tcp.write(CANCELED)
}

/** The connection of a handshake that was given up: it ends, and nothing passes it any more. */
export class SpentLink extends LinkOver<Link> {
  constructor(under: Link) {
    super(under)
    endGently(under, LINGER, LINGER)
  }

  override get isClosed(): boolean {
    return true
  }

  override attach(sink: LinkSink): void {
    queueMicrotask(() => sink.onClose(undefined))
  }

  override write(): boolean {
    return true
  }
}
