/**
 * Header fields on their way through, as flat arrays: names and values in turn, in the order and the case in which they
 * came, duplicates included.
 */

/**
 * Fields that concern one connection only (RFC 9110 section 7.6.1), and those between client and proxy. `proxy` is no
 * field at all, but CGI programs take it for a setting. Proxy-Status is not among them: it is for the client.
 */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'proxy',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
])

/** Fields that a Connection field cannot strike out: a request without them would be another request. */
const PROTECTED: ReadonlySet<string> = new Set(['host', 'content-length', 'via', 'date', 'connection'])

/**
 * How the body of a message is framed: its length in bytes, or chunked. `unusable` is what cannot be passed on without
 * saying something else than the sender did: another transfer coding, a length beyond 2^53.
 */
export type Framing = number | 'none' | 'chunked' | 'unusable'

/** What a head says about its connection, its body and its way. Values of fields that came twice are joined. */
export interface Scanned {
  readonly framing: Framing
  /** The fields that Connection names, in lower case; undefined if it names none beyond the usual. */
  readonly nominated: ReadonlySet<string> | undefined
  readonly takesTrailers: boolean
  /** Set only if Connection names it, too. */
  readonly upgrade: string | undefined
  readonly via: string | undefined
  readonly maxForwards: string | undefined
}

const USUAL: ReadonlySet<string> = new Set(['', 'close', 'keep-alive', 'upgrade', 'te'])

export function scan(raw: readonly string[]): Scanned {
  let framing: Framing = 'none'
  let nominated: Set<string> | undefined
  let takesTrailers = false
  let wantsUpgrade = false
  let upgrade: string | undefined
  let via: string | undefined
  let maxForwards: string | undefined
  for (let i = 0; i < raw.length; i += 2) {
    const value = raw[i + 1] ?? ''
    switch (raw[i]?.toLowerCase()) {
      case 'content-length':
        framing = framing === 'none' && Number.isSafeInteger(Number(value)) ? Number(value) : 'unusable'
        break
      case 'transfer-encoding':
        framing = framing === 'none' && value.toLowerCase() === 'chunked' ? 'chunked' : 'unusable'
        break
      case 'te':
        takesTrailers ||= tokens(value).some(t => t === 'trailers')
        break
      case 'connection':
      case 'proxy-connection':
        for (const token of tokens(value)) {
          if (token === 'upgrade') wantsUpgrade = true
          if (USUAL.has(token)) continue
          nominated ??= new Set()
          nominated.add(token)
        }
        break
      case 'upgrade':
        upgrade = joined(upgrade, value)
        break
      case 'via':
        via = joined(via, value)
        break
      case 'max-forwards':
        maxForwards = joined(maxForwards, value)
        break
      default:
    }
  }
  return {
    framing,
    nominated,
    takesTrailers,
    upgrade: wantsUpgrade ? upgrade : undefined,
    via,
    maxForwards,
  }
}

const joined = (before: string | undefined, value: string): string =>
  before === undefined ? value : `${before}, ${value}`

const tokens = (value: string): string[] => value.split(',').map(token => token.trim().toLowerCase())

/** What of a request's way is not copied from what came. */
export interface Way {
  readonly authority: string
  readonly via: string | undefined
  /** The protocols to switch to. */
  readonly upgrade?: string | undefined
  /** Replaces the field (RFC 9110 section 7.6.2). */
  readonly maxForwards?: number | undefined
  /** An expectation means nothing from a client of HTTP/1.0 (RFC 9110 section 10.1.1). */
  readonly ignoresExpect?: boolean
}

/** The fields of a request as they leave: Host from the target (RFC 9112 section 3.2.2), framing left to the sender. */
export function requestFields(raw: readonly string[], scanned: Scanned, way: Way): string[] {
  const { authority, via, upgrade, maxForwards, ignoresExpect } = way
  const out = ['Host', authority]
  const isPlain = maxForwards === undefined && ignoresExpect !== true
  copy(raw, scanned.nominated, out, isPlain ? IN_REQUEST : field => inRequestOn(way, field))
  if (maxForwards !== undefined) out.push('Max-Forwards', String(maxForwards))
  if (upgrade !== undefined) out.push('Connection', 'Upgrade', 'Upgrade', upgrade)
  else if (scanned.takesTrailers) out.push('TE', 'trailers', 'Connection', 'TE')
  if (via !== undefined) out.push('Via', via)
  return out
}

/** The fields of a response as they go on to the client; its Connection and Transfer-Encoding are the server's part. */
export function responseFields(
  raw: readonly string[],
  status: number,
  isChunked: boolean,
  via: string | undefined,
): string[] {
  const out: string[] = []
  const hasLength = status >= 200 && status !== 204
  copy(raw, nominatedIn(raw), out, field => {
    if (field === 'content-length') return hasLength
    return field !== 'trailer' || isChunked
  })
  if (via !== undefined) out.push('Via', via)
  return out
}

/** RFC 9110 section 6.5.1: what must be known before the body cannot come after it. */
export function trailerFields(raw: readonly string[]): string[] {
  const out: string[] = []
  copy(raw, undefined, out, field => !NOT_IN_TRAILERS.has(field))
  return out
}

const IN_REQUEST = (field: string): boolean => field !== 'host' && field !== 'content-length'

function inRequestOn({ maxForwards, ignoresExpect }: Way, field: string): boolean {
  if (field === 'max-forwards') return maxForwards === undefined
  if (field === 'expect') return ignoresExpect !== true
  return IN_REQUEST(field)
}

const NOT_IN_TRAILERS: ReadonlySet<string> = new Set([
  'content-length',
  'content-encoding',
  'content-type',
  'content-range',
  'host',
  'trailer',
  'authorization',
  'cookie',
  'set-cookie',
  'cache-control',
  'expires',
  'location',
  'max-forwards',
  'age',
  'vary',
  'expect',
  'range',
  'via',
])

function nominatedIn(raw: readonly string[]): ReadonlySet<string> | undefined {
  let found: Set<string> | undefined
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() !== 'connection') continue
    for (const token of tokens(raw[i + 1] ?? '')) {
      if (USUAL.has(token)) continue
      found ??= new Set()
      found.add(token)
    }
  }
  return found
}

function copy(
  raw: readonly string[],
  nominated: ReadonlySet<string> | undefined,
  out: string[],
  admits: (field: string) => boolean,
): void {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? ''
    const field = name.toLowerCase()
    if (HOP_BY_HOP.has(field) || !admits(field)) continue
    if (nominated?.has(field) && !PROTECTED.has(field)) continue
    out.push(name, raw[i + 1] ?? '')
  }
}
