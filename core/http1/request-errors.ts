import { ProxyError } from '../base/errors.js'
import { ERRNO } from './llhttp.js'
import type { HttpParser } from './parser.js'

/** A request line with a method that is none of the parser's. */
const OTHER_METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64} \S+ HTTP\/1\.[01]\r\n/
/** The first byte of a TLS handshake record. */
const TLS_HANDSHAKE = 0x16
/** Longer request lines are not looked at for the name of their method. */
const MAX_LINE = 65_536

/**
 * What is wrong with what a client has sent.
 * @param error the parser's
 * @param bytes where its message began, as far as it came in one piece
 */
export function requestError(error: ProxyError, { errno }: HttpParser, bytes: Buffer): ProxyError {
  if (error.code !== 'PTC_REQUEST_MALFORMED') return error
  const as = (code: ProxyError['code'], text: string): ProxyError =>
    new ProxyError(code, text, { cause: error })
  if (errno === ERRNO.pausedHttp2)
    return as('PTC_REQUEST_VERSION', 'the client speaks HTTP/2 without having asked')
  if (errno === ERRNO.invalidUrl) return as('PTC_REQUEST_TARGET', 'the request-target is not a URL')
  if (errno === ERRNO.invalidMethod && OTHER_METHOD.test(bytes.toString('latin1', 0, MAX_LINE)))
    return as('PTC_NOT_IMPLEMENTED', 'the method is not one that this proxy knows')
  if (errno === ERRNO.invalidMethod && bytes[0] === TLS_HANDSHAKE)
    return as('PTC_REQUEST_MALFORMED', 'the client speaks TLS to a port for plain HTTP')
  return as('PTC_REQUEST_MALFORMED', `the request cannot be parsed: ${error.message}`)
}
