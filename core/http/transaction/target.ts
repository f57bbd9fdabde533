import { type Origin, originAuthority, parseAuthority, parseOrigin, quote } from '../../base/authority.js'
import { detachString } from '../../base/detach-string.js'
import { ProxyError } from '../../base/errors.js'
import { Memo } from '../../base/memo.js'
import type { OriginTarget } from '../../origin/connect.js'

/** Where a request goes: the target, and how the request names it. */
export interface RequestTarget extends OriginTarget {
  /** Origin-form as received, or `*`. */
  readonly path: string
  /** The Host field to send: the authority without a default port. */
  readonly authority: string
}

/** Scheme and authority as they stood in a request, and what they mean; under 1 KB each. */
const known = new Memo<string, Omit<RequestTarget, 'path'>>(1000)

/**
 * Parses the absolute form of a request-target (RFC 9112 section 3.2.2). The path is kept as it is: what a proxy may not
 * do is to normalise it (RFC 9110 section 7.7).
 * @throws {ProxyError} PTC_REQUEST_TARGET, PTC_REQUEST_SCHEME
 */
export function parseRequestTarget(method: string, target: string): RequestTarget {
  const colon = target.indexOf('://')
  if (colon <= 0) throw notAbsolute(target)
  const end = endOfAuthority(target, colon + 3)
  const origin = target.slice(0, end)
  const { scheme, host, isAddress, port, authority } = known.get(origin) ?? readOrigin(origin, colon)
  if (target.includes('#')) throw badTarget('has a fragment')
  return { scheme, host, isAddress, port, path: pathOf(method, target.slice(end)), authority }
}

/** @param colon where the scheme ends */
function readOrigin(origin: string, colon: number): Omit<RequestTarget, 'path'> {
  if (!SCHEME.test(origin.slice(0, colon))) throw notAbsolute(origin)
  const scheme = origin.slice(0, colon).toLowerCase()
  if (scheme !== 'http' && scheme !== 'https') {
    throw new ProxyError('PTC_REQUEST_SCHEME', `the scheme of the request-target is ${quote(scheme)}`)
  }
  const own = detachString(origin)
  const parsed = parseOrigin(scheme, own.slice(colon + 3))
  if ('wrong' in parsed) throw badTarget(parsed.wrong)
  const found = { ...parsed, authority: originAuthority(parsed) }
  if (own.length < MAX_KNOWN) known.set(own, found)
  return found
}

/** Longer names are none. */
const MAX_KNOWN = 300

/**
 * Parses the authority form, `host:port`, of a CONNECT request (RFC 9112 section 3.2.3); the port may not be left out.
 * @throws {ProxyError} PTC_CONNECT_TARGET
 */
export function parseConnectTarget(target: string): Omit<Origin, 'scheme'> {
  const parsed = parseAuthority(detachString(target))
  if ('wrong' in parsed) throw badConnect(parsed.wrong)
  const { host, isAddress, port } = parsed
  if (port === undefined) throw badConnect('has no port')
  return { host, isAddress, port }
}

const badConnect = (what: string): ProxyError =>
  new ProxyError('PTC_CONNECT_TARGET', `the request-target ${what}`)

/**
 * RFC 9112 section 3.2: HTTP/1.1 wants exactly one Host field, with a value that could be one. What it says does not
 * matter here, because the absolute form wins.
 * @throws {ProxyError} PTC_REQUEST_MALFORMED
 */
export function checkHost(rawHeaders: readonly string[], httpVersion: string): void {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]
    if (name?.length !== 4 || name.toLowerCase() !== 'host') continue
    count += 1
    if (!HOST_VALUE.test(rawHeaders[i + 1] ?? '')) {
      throw new ProxyError('PTC_REQUEST_MALFORMED', 'the Host field is not a host')
    }
  }
  if (count > 1) throw new ProxyError('PTC_REQUEST_MALFORMED', 'the request has more than one Host field')
  if (count === 0 && httpVersion === '1.1') {
    throw new ProxyError('PTC_REQUEST_MALFORMED', 'the request has no Host field')
  }
}

/**
 * The parser also takes HTTP/0.9, and 2.0 where a 1.x could stand.
 * @throws {ProxyError} PTC_REQUEST_VERSION, PTC_REQUEST_MALFORMED
 */
export function checkVersion(httpVersion: string): void {
  if (httpVersion === '1.1' || httpVersion === '1.0') return
  if (httpVersion === '2.0')
    throw new ProxyError('PTC_REQUEST_VERSION', 'the request says that it is in HTTP/2.0')
  throw new ProxyError('PTC_REQUEST_MALFORMED', `the request is not in HTTP/1.x (${httpVersion})`)
}

const SCHEME = /^[a-z][a-z0-9+.-]*$/i
const HOST_VALUE = /^(?:[^\s/?#@\\]*)$/

/** Absolute: scheme, host, port and path. */
export function urlOf({ scheme, authority, path }: RequestTarget): string {
  return `${scheme}://${authority}${path === '*' ? '' : path}`
}

function endOfAuthority(target: string, from: number): number {
  for (let i = from; i < target.length; i++) {
    const c = target.charCodeAt(i)
    if (c === 0x2f /* / */ || c === 0x3f /* ? */ || c === 0x5c /* \ */) return i
  }
  return target.length
}

/** RFC 9112 section 3.2.1: no empty path; section 3.2.4: OPTIONS without one is about the server. */
function pathOf(method: string, rest: string): string {
  if (rest.startsWith('\\')) throw badTarget('has a backslash after its host')
  if (rest === '') return method === 'OPTIONS' ? '*' : '/'
  return rest.startsWith('/') ? rest : `/${rest}`
}

function notAbsolute(target: string): ProxyError {
  if (target.startsWith('/') || target === '*') {
    return badTarget(`is ${quote(target)}, as a web server receives it; this is a proxy`)
  }
  const scheme = /^([a-z][a-z0-9+.-]*):(?![0-9]+$)/i.exec(target)?.[1]
  if (scheme !== undefined) {
    return new ProxyError('PTC_REQUEST_SCHEME', `the scheme of the request-target is ${quote(scheme)}`)
  }
  return badTarget(`is ${quote(target)}`)
}

function badTarget(what: string): ProxyError {
  return new ProxyError('PTC_REQUEST_TARGET', `the request-target ${what}`)
}
