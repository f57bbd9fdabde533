/** Decides which header fields are forwarded. The lists are flat, as core/base/fields.ts has them. */

import { fieldValues, listTokens } from '../base/fields.js'
import { wordSet } from '../base/text.js'

/**
 * Fields that concern one connection only (RFC 9110 section 7.6.1), and those between client and proxy. `proxy` is not a
 * registered field, but CGI programs read it as a setting. Proxy-Status is forwarded: it is for the client.
 */
const HOP_BY_HOP = wordSet(`
  connection keep-alive proxy-connection te transfer-encoding upgrade proxy proxy-authenticate
  proxy-authentication-info proxy-authorization
`)

/** Fields that a Connection field cannot remove: without them the request would mean something else. */
const PROTECTED: ReadonlySet<string> = new Set(['host', 'content-length', 'via', 'date', 'connection'])

/**
 * How the body of a message is framed: its length in bytes, or chunked. `unusable` is a framing that the proxy cannot
 * forward without changing its meaning: another transfer coding, or a length beyond 2^53.
 */
export type Framing = number | 'none' | 'chunked' | 'unusable'

/** What a head says about its connection, its body and its route. Values of repeated fields are joined. */
export interface Scanned {
  readonly framing: Framing
  /** The fields that Connection names, in lower case; undefined if it names only standard options. */
  readonly nominated: ReadonlySet<string> | undefined
  readonly takesTrailers: boolean
  /** Set only if Connection names it too. */
  readonly upgrade: string | undefined
  readonly via: string | undefined
  readonly maxForwards: string | undefined
}

/** Options of Connection that name no other field to remove. */
const STANDARD: ReadonlySet<string> = new Set(['', 'close', 'keep-alive', 'upgrade', 'te'])

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
        takesTrailers ||= listTokens(value).includes('trailers')
        break
      case 'connection':
      case 'proxy-connection':
        for (const token of listTokens(value)) {
          if (token === 'upgrade') wantsUpgrade = true
          if (STANDARD.has(token)) continue
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

/** The parts of a forwarded request that are not copied from the received one. */
export interface Hop {
  readonly authority: string
  readonly via: string | undefined
  /** The protocols to switch to. */
  readonly upgrade?: string | undefined
  /** Replaces the field (RFC 9110 section 7.6.2). */
  readonly maxForwards?: number | undefined
  /** An expectation means nothing from a client of HTTP/1.0 (RFC 9110 section 10.1.1). */
  readonly ignoresExpect?: boolean
}

/** The fields of a request as it is sent: Host comes from the target (RFC 9112 section 3.2.2), framing is added later. */
export function requestFields(raw: readonly string[], scanned: Scanned, hop: Hop): string[] {
  const { authority, via, upgrade, maxForwards, ignoresExpect } = hop
  const out = ['Host', authority]
  const isPlain = maxForwards === undefined && ignoresExpect !== true
  copy(raw, scanned.nominated, out, isPlain ? IN_REQUEST : field => inRequestOn(hop, field))
  if (maxForwards !== undefined) out.push('Max-Forwards', String(maxForwards))
  if (upgrade !== undefined) out.push('Connection', 'Upgrade', 'Upgrade', upgrade)
  else if (scanned.takesTrailers) out.push('TE', 'trailers', 'Connection', 'TE')
  if (via !== undefined) out.push('Via', via)
  return out
}

/** The fields of a response for the client. The reply adds Connection and Transfer-Encoding. */
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

/** Trailers without the fields that must be known before the body (RFC 9110 section 6.5.1). */
export function trailerFields(raw: readonly string[]): string[] {
  const out: string[] = []
  copy(raw, undefined, out, field => !NOT_IN_TRAILERS.has(field))
  return out
}

const IN_REQUEST = (field: string): boolean => field !== 'host' && field !== 'content-length'

function inRequestOn({ maxForwards, ignoresExpect }: Hop, field: string): boolean {
  if (field === 'max-forwards') return maxForwards === undefined
  if (field === 'expect') return ignoresExpect !== true
  return IN_REQUEST(field)
}

const NOT_IN_TRAILERS = wordSet(`
  content-length content-encoding content-type content-range host trailer authorization cookie set-cookie
  cache-control expires location max-forwards age vary expect range via
`)

const CONNECTION = 'connection'

function nominatedIn(raw: readonly string[]): ReadonlySet<string> | undefined {
  let named: readonly string[] = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]?.length !== CONNECTION.length || raw[i]?.toLowerCase() !== CONNECTION) continue
    const tokens = listTokens(raw[i + 1] ?? '')
    named = named.length === 0 ? tokens : [...named, ...tokens]
  }
  return named.every(token => STANDARD.has(token)) ? undefined : new Set(named)
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

/** The protocols that Upgrade fields name, in lower case. */
export const protocolsIn = (raw: readonly string[]): string[] =>
  fieldValues(raw, 'upgrade').flatMap(listTokens)

/**
 * Protocols that are never forwarded. HTTP/2 would carry every further request past the proxy, and TLS would start a
 * handshake with the origin that no check covers.
 */
const NOT_FORWARDED = /^(?:h2c?|http|tls)(?:\/|$)/

/** @param protocol in lower case */
export const isForwarded = (protocol: string): boolean => protocol !== '' && !NOT_FORWARDED.test(protocol)

/** The protocols that may be forwarded, as an Upgrade field; undefined if there are none. */
export function forwardedProtocols(upgrade: string): string | undefined {
  const names = listTokens(upgrade).filter(isForwarded)
  return names.length === 0 ? undefined : names.join(', ')
}

/** Whether an upgrade may be forwarded. A server may ignore it (RFC 9110 section 7.8), as this proxy does with a body. */
export function mayUpgrade(raw: readonly string[], version: number): boolean {
  const { upgrade, framing } = scan(raw)
  const isBodiless = framing === 'none' || framing === 0
  return version === 11 && isBodiless && upgrade !== undefined && forwardedProtocols(upgrade) !== undefined
}
