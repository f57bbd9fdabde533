import {
  authorityText,
  isSameOrigin,
  type Origin,
  originAuthority,
  parseAuthority,
  parseOrigin,
  quote,
  safeUrl,
} from '../../base/authority.js'
import { ProxyError } from '../../base/errors.js'
import { detachString, Memo } from '../../base/memo.js'
import type { OriginTarget } from '../../origin/open.js'
import type { ClientRequest } from '../listener/client-request.js'

/** Where a request goes: its origin, and how the request names it. */
export interface RequestTarget extends OriginTarget {
  /** Origin-form as received, or `*`. */
  readonly path: string
  /** The Host field to send: the authority without a default port. */
  readonly authority: string
}

/** Parsed origins by the text of scheme and authority; under 1 KB each. */
const known = new Memo<string, Omit<RequestTarget, 'path'>>(1000)

/**
 * Parses the absolute form of a request-target (RFC 9112 section 3.2.2). The path is not normalised: a proxy must not do
 * that (RFC 9110 section 7.7).
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
  const found = { ...parsed, authority: originAuthority(parsed) } // seldom: the first request to an origin
  if (own.length < MAX_KNOWN) known.set(own, found)
  return found
}

/** Longer texts are not cached: no host name is that long. */
const MAX_KNOWN = 300

/**
 * Parses the authority form, `host:port`, of a CONNECT request (RFC 9112 section 3.2.3); the port is mandatory.
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

const SCHEME = /^[a-z][a-z0-9+.-]*$/i

/** Absolute: scheme, host, port and path. */
export function urlOf({ scheme, authority, path }: RequestTarget): string {
  return `${scheme}://${authority}${path === '*' ? '' : path}`
}

/**
 * What a request is for: its target as received, or on a connection that stands for an origin the whole URL, as the Host
 * field has it (RFC 9112 section 3.3).
 */
export function effectiveUrl(req: ClientRequest): string {
  const { url, client } = req
  if (client.origin === undefined || !/^(?:\/|\*$)/.test(url)) return url
  const { host } = req.headers
  const scheme = client.origin.slice(0, client.origin.indexOf('://'))
  return (host ? `${scheme}://${host}` : client.origin) + (url === '*' ? '' : url)
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

function notAbsolute(received: string): ProxyError {
  const target = safeUrl(received)
  if (target.startsWith('/') || target === '*') {
    return badTarget(`is ${quote(target)}, as a web server receives it; this is a proxy`)
  }
  const scheme = /^([a-z][a-z0-9+.-]*):(?![0-9]+$)/i.exec(received)?.[1]
  if (scheme !== undefined) {
    return new ProxyError('PTC_REQUEST_SCHEME', `the scheme of the request-target is ${quote(scheme)}`)
  }
  return badTarget(`is ${quote(target)}`)
}

function badTarget(what: string): ProxyError {
  return new ProxyError('PTC_REQUEST_TARGET', `the request-target ${what}`)
}

/**
 * The target of a request on a connection for one origin. Host, or the absolute form, must name that origin: no other one
 * was verified (RFC 9110 section 15.5.20).
 * @throws {ProxyError} PTC_REQUEST_TARGET, PTC_REQUEST_MALFORMED, PTC_MISDIRECTED
 */
export function targetAt(req: ClientRequest, origin: OriginTarget): RequestTarget {
  const { method = '', url = '', headers } = req
  const asterisk = url === '*' && method === 'OPTIONS'
  const isOriginForm = url.startsWith('/') || asterisk
  const named = parseRequestTarget(method, isOriginForm ? originForm(url, headers.host, origin) : url)
  if (!isSameOrigin(named, origin)) {
    throw new ProxyError(
      'PTC_MISDIRECTED',
      `a request for ${named.scheme}://${named.host}:${named.port} on a connection to ${origin.host}:${origin.port}`,
    )
  }
  const { scheme, host, isAddress, port, path, authority } = named
  return { scheme, host, isAddress, port, dialHost: origin.dialHost, ways: origin.ways, path, authority }
}

/** The target as if in absolute form. HTTP/1.0 permits a request without a Host field. */
function originForm(url: string, host: string | undefined, origin: OriginTarget): string {
  return `${origin.scheme}://${host ?? authorityText(origin.host, origin.port)}${url === '*' ? '' : url}`
}
