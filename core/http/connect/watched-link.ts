import { toProxyError } from '../../base/edge.js'
import { type Link, LinkOver } from '../../vconn/link.js'

export const EMPTY = Buffer.alloc(0)

/** A link of a tunnel whose bytes are looked at before they go on. */
export class WatchedLink extends LinkOver<Link> {
  /** The bytes that may go on; none on a link that is closed, or that a failure of the look closes. */
  protected guarded(pass: () => Buffer): Buffer {
    if (this.under.isClosed) return EMPTY
    try {
      return pass()
    } catch (cause) {
      this.under.destroy(toProxyError(cause, 'the tunnel could not be watched'))
      return EMPTY
    }
  }
}
