import type { ResponseHead } from '../../http1/messages.js'

/** Answers the request. At most one of the last two is called, and then nothing. */
export interface ReplyWatcher {
  /** The client takes more. */
  onClientDrain(): void
  /** The client has left. */
  onClientGone(): void
  /** The request's body cannot be read to its end. A reply still reaches the client. */
  onClientBroken(error: Error): void
}

/**
 * The reply to one request, whatever the version of HTTP: a transaction, an error page and an admission write to it.
 *
 * Life: waiting, interim responses included -> started -> ended. Every state goes to `gone` when the client has left or
 * speaks another protocol.
 */
export abstract class ClientReply {
  protected state: 'waiting' | 'started' | 'ended' | 'gone' = 'waiting'
  protected watcher: ReplyWatcher | undefined
  protected hasHead = false
  statusCode = 200
  /** Whether other requests of the connection are answered beside it; no framing of one can be taken for another then. */
  abstract readonly isMultiplexed: boolean
  /** Whether the connection takes no further request after this reply. */
  abstract closes: boolean
  /** Bytes of the body that were written. */
  abstract readonly bodyBytes: number
  /** Sent bytes wait for the client. */
  abstract readonly isBlocked: boolean

  /** Whether the head is fixed; also for a reply that was cut after its head. */
  get headersSent(): boolean {
    return this.hasHead
  }

  get isEnded(): boolean {
    return this.state === 'ended'
  }

  /** The client has left. */
  get isGone(): boolean {
    return this.state === 'gone'
  }

  watch(watcher: ReplyWatcher): void {
    this.watcher = watcher
  }

  /** Whether written bytes are still in use. */
  abstract holds(bytes: Uint8Array): boolean

  /**
   * Sends a 1xx response (RFC 9110 section 15.2).
   * @returns false: wait for the client to take it, or bytes sent before
   */
  abstract writeInterim(head: ResponseHead, via: string | undefined): boolean

  /**
   * Says that the origin has switched to the protocol that the request asked for. The request's connection is taken over next.
   * @returns bytes that go first on that connection
   * @throws {ProxyError} PTC_RESPONSE_MALFORMED
   */
  abstract switched(head: ResponseHead, via: string | undefined): Uint8Array

  /**
   * Fixes the head. Fields about the connection and the framing are the reply's business; the caller has checked the others.
   * @param fields names and values in turn
   * @param isWhole no body follows, and HTTP/2 says so at once
   */
  abstract writeHead(status: number, reason: string, fields: readonly string[], isWhole?: boolean): this

  /** @returns false: wait for the client to take it, or what was sent before */
  abstract write(bytes: Uint8Array): boolean

  /** Sends all pending bytes. */
  abstract flush(): void

  /** @param trailers names and values in turn; sent where the framing of the body has a place for them */
  abstract end(trailers?: readonly string[]): void

  /** A whole reply. */
  sendAll(status: number, reason: string, fields: readonly string[], body: Uint8Array): void {
    this.writeHead(status, reason, fields)
    this.write(body)
    this.end()
  }

  /**
   * Takes back a head, and the bytes behind it, of which nothing was sent.
   * @returns whether another head may be written in its place
   */
  takeBack(): boolean {
    return false
  }

  /** Ends it in the middle, so that it cannot look complete. The watcher is not called. */
  cut(): void {
    if (this.state === 'ended' || this.state === 'gone') return
    this.state = 'gone'
    this.breakOff()
  }

  /** Ends what carries the reply. */
  protected abstract breakOff(): void

  /** For the connection: the client has left, or the stream has ended. */
  gone(): void {
    if (this.state === 'ended' || this.state === 'gone') return
    this.state = 'gone'
    this.watcher?.onClientGone()
  }

  /** For the connection: another protocol is spoken from here on. */
  handedOver(): void {
    if (this.state === 'waiting') this.state = 'gone'
  }

  /** For the connection: the body of the request cannot be read. @returns whether a watcher answers */
  broken(error: Error): boolean {
    this.watcher?.onClientBroken(error)
    return this.watcher !== undefined
  }
}
