/**
 * Reads HTTP/1.1 responses from bytes, strictly: for tests, which must notice what a lenient parser would forgive.
 * It shares no code with the proxy.
 */

export interface HttpResponse {
  readonly status: number
  readonly reason: string
  /** As sent, in order. */
  readonly rawHeaders: readonly (readonly [name: string, value: string])[]
  /** The value of a field by any spelling of its name; several are joined by `, `. */
  header(name: string): string | undefined
  readonly body: Buffer
  /** How many bytes it took on the wire. */
  readonly size: number
}

const STATUS_LINE = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/

/**
 * The first response in `bytes`, or undefined when it is not complete.
 * @param method of the request: a HEAD or a successful CONNECT has no body
 * @param isEnded whether more bytes can come: some bodies end with the connection
 * @throws {SyntaxError} when it is not a response
 */
export function parseResponse(bytes: Buffer, method = 'GET', isEnded = false): HttpResponse | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const [, status = '', reason = ''] = STATUS_LINE.exec(first) ?? fail('status line', first)
  const rawHeaders = lines.map(line => {
    const [, name = '', value = ''] = FIELD.exec(line) ?? fail('header field', line)
    return [name, value] as const
  })
  const header = (name: string): string | undefined => {
    const found = rawHeaders.filter(([other]) => other.toLowerCase() === name.toLowerCase())
    return found.length === 0 ? undefined : found.map(([, value]) => value).join(', ')
  }
  const code = Number(status)
  const start = end + 4
  const body = hasNoBody(method, code) ? EMPTY : readBody(bytes, start, header, isEnded)
  if (body === undefined) return undefined
  return { status: code, reason, rawHeaders, header, body: body.content, size: start + body.size }
}

interface Body {
  readonly content: Buffer
  readonly size: number
}

const EMPTY: Body = { content: Buffer.alloc(0), size: 0 }

function hasNoBody(method: string, status: number): boolean {
  const isTunnel = method === 'CONNECT' && status >= 200 && status < 300
  return method === 'HEAD' || isTunnel || status < 200 || status === 204 || status === 304
}

function readBody(
  bytes: Buffer,
  start: number,
  header: HttpResponse['header'],
  isEnded: boolean,
): Body | undefined {
  const length = header('content-length')
  const coding = header('transfer-encoding')
  if (coding !== undefined) {
    if (length !== undefined) fail('framing', 'both Transfer-Encoding and Content-Length')
    if (coding.toLowerCase() !== 'chunked') fail('transfer coding', coding)
    return readChunks(bytes, start)
  }
  const rest = bytes.subarray(start)
  if (length === undefined) return isEnded ? { content: rest, size: rest.length } : undefined
  if (!/^\d+$/.test(length)) fail('content length', length)
  const size = Number(length)
  return rest.length < size ? undefined : { content: rest.subarray(0, size), size }
}

function readChunks(bytes: Buffer, start: number): Body | undefined {
  const parts: Buffer[] = []
  let at = start
  for (;;) {
    const end = bytes.indexOf('\r\n', at)
    if (end < 0) return undefined
    const line = bytes.subarray(at, end).toString('latin1')
    const [, hex = ''] = /^([0-9a-f]+)(?:;.*)?$/i.exec(line) ?? fail('chunk size', line)
    const size = Number.parseInt(hex, 16)
    at = end + 2
    if (size === 0) break
    if (bytes.length < at + size + 2) return undefined
    if (bytes.toString('latin1', at + size, at + size + 2) !== '\r\n') fail('end of chunk', hex)
    parts.push(bytes.subarray(at, at + size))
    at += size + 2
  }
  for (;;) {
    const end = bytes.indexOf('\r\n', at) // trailers, up to an empty line
    if (end < 0) return undefined
    const isLast = end === at
    at = end + 2
    if (isLast) return { content: Buffer.concat(parts), size: at - start }
  }
}

function fail(what: string, text: string): never {
  throw new SyntaxError(`not a valid ${what}: ${JSON.stringify(text)}`)
}
