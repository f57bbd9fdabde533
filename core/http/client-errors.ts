import { type ErrorCode, ProxyError } from '../base/errors.js'
import { codeOf } from '../base/system-error.js'

const KNOWN: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['PTC_REQUEST_HEADERS_TOO_LARGE', 'the header fields of the request are too large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [
    'PTC_REQUEST_MALFORMED',
    'the chunk extensions of the request are too large',
  ],
  HPE_INVALID_URL: ['PTC_REQUEST_TARGET', 'the request-target is not a URL'],
  HPE_PAUSED_H2_UPGRADE: ['PTC_REQUEST_VERSION', 'the client speaks HTTP/2 without having asked'],
  ERR_HTTP_REQUEST_TIMEOUT: ['PTC_REQUEST_TIMEOUT', 'the request did not arrive in time'],
}

/** A request line with a method that is none of the parser's. */
const OTHER_METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64} \S+ HTTP\/1\.[01]\r\n/

/** Only for what begins the packet: further in, where a request line begins would have to be guessed. */
function isOtherMethod(error: object, packet: Buffer): boolean {
  const at = 'bytesParsed' in error && typeof error.bytesParsed === 'number' ? error.bytesParsed : Number.NaN
  const first = packet.indexOf('\n')
  return at < first && OTHER_METHOD.test(packet.toString('latin1', 0, first + 1))
}

/** What a `clientError` of node:http is about; undefined when there is no client any more who could be told. */
export function clientError(error: Error): ProxyError | undefined {
  const code = codeOf(error)
  const known = KNOWN[code]
  if (known !== undefined) return new ProxyError(known[0], known[1], { cause: error })
  if (!code.startsWith('HPE_')) return undefined
  const packet: unknown = 'rawPacket' in error ? error.rawPacket : undefined
  const bytes = packet instanceof Uint8Array ? Buffer.from(packet) : Buffer.alloc(0)
  if (code === 'HPE_INVALID_METHOD' && isOtherMethod(error, bytes))
    return new ProxyError('PTC_NOT_IMPLEMENTED', 'the method is not one that this proxy knows', {
      cause: error,
    })
  const text =
    bytes[0] === 0x16
      ? 'the client speaks TLS to a port for plain HTTP'
      : `the request cannot be parsed (${code})`
  return new ProxyError('PTC_REQUEST_MALFORMED', text, { cause: error })
}
