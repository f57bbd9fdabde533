import type { Reject } from './verdict.js'

/**
 * What passes between the proxy and an origin alone, for one request and its response. Neither other plugins nor the logs
 * see what is sent in place of the request's own parts, and they see the response as it has left `response`.
 *
 * The functions are called in the proxy's thread, must answer at once, and must not keep the bytes they are given: the
 * memory is used again. What they throw refuses the message.
 */
export interface Seal {
  /** Sent in place of the path and the query: `/a?b=c`, ASCII, without a fragment. */
  readonly path?: string
  /** Each is sent in place of all fields of its name; the rules of {@link HeaderFields} apply. */
  readonly fields?: Readonly<Record<string, string>>
  /**
   * Sees the body of the request before it leaves, piece by piece, and then its trailers, as text.
   * @returns a rejection: the piece is not sent, the connection to the origin ends, and the client is answered 403
   */
  readonly requestBody?: (bytes: Buffer) => Reject | undefined
  readonly response?: ResponseSeal
}

/**
 * Changes a response on its way, before anything else sees it. It keeps the length of the body, so that the framing of the
 * message stays true. A response with such a seal cannot switch protocols (101): that is refused.
 */
export interface ResponseSeal {
  /**
   * Changes a text of a head or of the trailers, 1xx responses included: the reason phrase, a value, or a name. A field
   * whose name it changes is removed.
   * @param text each byte one character
   */
  readonly text: (text: string) => string
  /**
   * Changes the body. It may keep bytes back, as a copy, until more have come.
   * @param bytes the next piece; empty with the last call
   * @param isLast what was kept back has to follow now
   * @returns what goes on, which may be a part of `bytes`
   */
  readonly body: (bytes: Buffer, isLast: boolean) => Buffer
}
