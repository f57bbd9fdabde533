import type { ProxyError } from '../base/errors.js'
import { every } from '../base/timer.js'
import { LINGER, Linger, MAX_LINGER } from './linger.js'

/**
 * A connection as the rest of the proxy sees it: bytes in by callback, bytes out by `write`. Not a stream, because a
 * stream between engine and socket costs more than the engine (docs/performance.md).
 *
 * Life: open -> (end in one direction)* -> closed. `onClose` comes exactly once, after it nothing comes.
 */
export interface Link {
  readonly localAddress: string
  readonly remoteAddress: string
  readonly isClosed: boolean
  /**
   * Makes `sink` the one receiver. What arrived before is delivered to it, in order, from within this call or later.
   * A link without a sink reads at most one chunk ahead.
   */
  attach(sink: LinkSink): void
  /** Sends bytes; the caller does not change them afterwards. False: wait for `onDrain` before the next one. */
  write(bytes: Uint8Array): boolean
  /** Stops `onData` calls as soon as possible (a chunk already read may still come). */
  pause(): void
  resume(): void
  /** No more bytes from us. The other direction stays open. */
  end(): void
  /** Closes both directions at once. */
  destroy(cause?: ProxyError): void
  /** From here on what comes is read to its end, also when nothing more can be written. */
  readToEnd?(): void
}

/** A client's connection, plain or TLS. */
export interface ClientLink extends Link {
  /** Whether bytes that were written are still needed: they wait here for the other end. */
  readonly isHolding: boolean
  /** In all, as written; of a TLS connection the plaintext. */
  readonly bytesWritten: number
  /** Closes at once and so that the other end cannot take it for an orderly end. */
  reset(): void
}

export interface LinkSink {
  /** Bytes that the receiver may keep, unless it {@link copiesData}. */
  onData(bytes: Buffer): void
  /** True: when `onData` returns, nothing of its bytes is needed any more, and their memory may be used again. */
  readonly copiesData?: true
  /** For a receiver that can tell only afterwards: whether it still needs the bytes of the last `onData`. */
  keepsData?(): boolean
  onDrain(): void
  /** The other end has sent its last byte. */
  onEnd(): void
  /** Exactly once; `cause` is absent after an orderly end. */
  onClose(cause: ProxyError | undefined): void
}

/** A link over another one. It passes everything on; a subclass overrides what it changes. */
export class LinkOver<L extends Link> implements Link {
  protected readonly under: L

  constructor(under: L) {
    this.under = under
  }

  /** The lowest link of the same connection. */
  static bottom(link: Link): Link {
    return link instanceof LinkOver ? LinkOver.bottom(link.under) : link
  }

  get localAddress(): string {
    return this.under.localAddress
  }

  get remoteAddress(): string {
    return this.under.remoteAddress
  }

  get isClosed(): boolean {
    return this.under.isClosed
  }

  attach(sink: LinkSink): void {
    this.under.attach(sink)
  }

  write(bytes: Uint8Array): boolean {
    return this.under.write(bytes)
  }

  pause(): void {
    this.under.pause()
  }

  resume(): void {
    this.under.resume()
  }

  end(): void {
    this.under.end()
  }

  destroy(cause?: ProxyError): void {
    this.under.destroy(cause)
  }

  readToEnd(): void {
    this.under.readToEnd?.()
  }
}

/** The clocks of links that were ended gently. */
const lingering = new WeakMap<Link, NodeJS.Timeout>()

/**
 * Ends a link so that what was written last (an alert, a refusal) arrives. When the other end has ended too the link closes
 * by itself, and not before all is sent: to destroy it there would cut off what the other end has not read yet. A second
 * call for the same connection takes the place of the first.
 * @param silence milliseconds without a byte from the other end, after which the link is closed
 * @param total milliseconds after which it is closed in any case
 */
export function endGently(link: Link, silence = LINGER, total = MAX_LINGER): void {
  const linger = new Linger(total)
  const end = (): void => link.destroy()
  const look = (): void => {
    if (link.isClosed) clearInterval(timer)
    else if (!linger.look()) end()
  }
  const timer = every(silence, look, end)
  const bottom = LinkOver.bottom(link)
  clearInterval(lingering.get(bottom))
  lingering.set(bottom, timer)
  link.attach({
    copiesData: true,
    onData: bytes => {
      if (!linger.heard(bytes.length)) end()
    },
    onDrain: () => {},
    onEnd: () => {},
    onClose: () => clearInterval(timer),
  })
  link.resume()
  link.end()
}
