import { endGently, type Link, LinkOver, type LinkSink } from '../../vconn/link.js'

/** The connection of a handshake that was given up: it ends, and nothing passes it any more. */
export class SpentLink extends LinkOver<Link> {
  constructor(under: Link) {
    super(under)
    endGently(under)
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
