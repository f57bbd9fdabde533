import { bracketed, parseHostBytes } from './host.js'

/** Host and port as URLs, CONNECT requests, Host fields and commands name them. */
export interface Authority {
  /** As {@link import('./host.js').Host} has it. */
  readonly host: string
  readonly isAddress: boolean
  /** 1 to 65535; undefined where none is named. */
  readonly port: number | undefined
}

/** An origin in the one form in which origins are compared and cached: its host is as {@link parseAuthority} reads it. */
export interface Origin {
  readonly scheme: 'http' | 'https'
  /** As {@link import('./host.js').Host} has it. */
  readonly host: string
  readonly isAddress: boolean
  readonly port: number
}

const DEFAULT_PORT = { http: 80, https: 443 } as const

/** Reads what follows `scheme://` in a URL. @returns or what is wrong with it, as {@link parseAuthority} says it */
export function parseOrigin(scheme: Origin['scheme'], text: string): Origin | { readonly wrong: string } {
  const parsed = parseAuthority(text)
  if ('wrong' in parsed) return parsed
  const { host, isAddress, port = DEFAULT_PORT[scheme] } = parsed
  return { scheme, host, isAddress, port }
}

export const isSameOrigin = (a: Origin, b: Origin): boolean =>
  a.port === b.port && a.scheme === b.scheme && a.host === b.host

/** An origin as URLs and Host fields name it: IPv6 in brackets, the default port left out. */
export function originAuthority({ scheme, host, port }: Origin): string {
  return port === DEFAULT_PORT[scheme] ? bracketed(host) : authorityText(host, port)
}

const PORT = /^[0-9]{1,5}$/

/**
 * Reads `host`, `host:port`, `[address]` or `[address]:port` (RFC 3986 section 3.2, without user information).
 * @param text bytes in a Latin-1 string; what is not ASCII must be UTF-8
 * @returns or what is wrong with it, as the end of a sentence
 */
export function parseAuthority(text: string): Authority | { readonly wrong: string } {
  if (text.includes('@')) return { wrong: 'carries a user name or password' }
  const close = text.startsWith('[') ? text.indexOf(']') : -1
  const colon = text.indexOf(':', close + 1)
  const hostEnd = colon === -1 ? text.length : colon
  if (close !== -1 && hostEnd !== close + 1) return { wrong: 'has something between its host and its port' }
  const hostText = text.slice(0, hostEnd)
  if (hostText === '') return { wrong: 'has no host' }
  const found = parseHostText(hostText)
  if (found === undefined) return { wrong: `has the host ${quote(hostText)}` }
  const portText = colon === -1 ? '' : text.slice(colon + 1)
  const port = portText === '' ? undefined : parsePort(portText)
  if (Number.isNaN(port)) return { wrong: `has the port ${quote(portText)}` }
  return { host: found.name, isAddress: found.isAddress, port }
}

/** The host of `host:port`, IPv6 without brackets. */
export const hostOf = (authority: string): string =>
  authority.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')

/** `host:port`, IPv6 in brackets. */
export const authorityText = (host: string, port: number): string => `${bracketed(host)}:${port}`

/** Brackets are for IPv6, and IPv6 is in brackets. */
function parseHostText(text: string): ReturnType<typeof parseHostBytes> {
  const isBracketed = text.startsWith('[')
  if (isBracketed !== text.includes(':') || (isBracketed && !text.endsWith(']'))) return undefined
  return parseHostBytes(isBracketed ? text.slice(1, -1) : text)
}

function parsePort(text: string): number {
  const port = PORT.test(text) ? Number(text) : 0
  return port < 1 || port > 65_535 ? Number.NaN : port
}

/**
 * A request-target, or what should have been one, without names and passwords: they are not written down. In a URL they
 * are taken out before; what is refused may still have some.
 */
export function safeUrl(url: string): string {
  if (!url.includes('@')) return url
  return url.replace(/^[^/?#\\]*@/, '').replace(/\/\/[^/?#\\]*@/g, '//')
}

/** For messages: shortened, and without control characters. */
export function quote(text: string): string {
  const short = text.length > 100 ? `${text.slice(0, 100)}…` : text
  return JSON.stringify(short)
}
