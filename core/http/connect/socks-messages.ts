/** The messages of SOCKS 5 (RFC 1928, RFC 1929), as a server reads and writes them. */

import type { ErrorCode, ProxyError } from '../../base/errors.js'
import { parseHostBytes } from '../../base/host.js'
import { addressOf } from '../../base/network.js'
import { CONNECT, IPV4, IPV6, LOGIN_VERSION, NAME, NO_METHOD, SOCKS_VERSION } from '../../base/socks.js'

/** RFC 1928 section 6. */
export const REPLY = {
  succeeded: 0,
  failed: 1,
  notAllowed: 2,
  networkUnreachable: 3,
  hostUnreachable: 4,
  refused: 5,
  commandNotSupported: 7,
  addressTypeNotSupported: 8,
} as const

export type Reply = (typeof REPLY)[keyof typeof REPLY]

/** The address in a reply is of no use behind a proxy. */
export const replyBytes = (reply: Reply): Buffer =>
  Buffer.from([SOCKS_VERSION, reply, 0, IPV4, 0, 0, 0, 0, 0, 0])

export const methodBytes = (method: number = NO_METHOD): Buffer => Buffer.from([SOCKS_VERSION, method])

export const loginBytes = (isRight: boolean): Buffer => Buffer.from([LOGIN_VERSION, isRight ? 0 : 1])

/** What was read, and how many bytes it took. */
type Read<T> = (T & { readonly end: number }) | 'more' | 'malformed'

/** The methods that a client offers. */
export function readGreeting(bytes: Buffer): Read<{ readonly methods: readonly number[] }> {
  const [version, count] = bytes
  if (version !== undefined && version !== SOCKS_VERSION) return 'malformed'
  if (count === undefined) return 'more'
  const end = 2 + count
  return bytes.length < end ? 'more' : { methods: [...bytes.subarray(2, end)], end }
}

/** A name and a password, as bytes. */
export function readLogin(bytes: Buffer): Read<{ readonly name: Buffer; readonly password: Buffer }> {
  const [version, nameLength] = bytes
  if (version !== undefined && version !== LOGIN_VERSION) return 'malformed'
  if (nameLength === undefined) return 'more'
  const passwordAt = 2 + nameLength
  const passwordLength = bytes[passwordAt]
  if (passwordLength === undefined) return 'more'
  const end = passwordAt + 1 + passwordLength
  if (bytes.length < end) return 'more'
  return { name: bytes.subarray(2, passwordAt), password: bytes.subarray(passwordAt + 1, end), end }
}

/** What a client asks for: a tunnel, or something that gets this reply. */
export type SocksRequest = { readonly host: string; readonly port: number } | { readonly reply: Reply }

export function readRequest(bytes: Buffer): Read<{ readonly request: SocksRequest }> {
  const [version, command, reserved, type, first] = bytes
  if (version !== undefined && version !== SOCKS_VERSION) return 'malformed'
  if (reserved !== undefined && reserved !== 0) return 'malformed'
  if (type === undefined || first === undefined) return 'more'
  const length = type === IPV4 ? 4 : type === IPV6 ? 16 : type === NAME ? 1 + first : undefined
  if (length === undefined) return { request: { reply: REPLY.addressTypeNotSupported }, end: bytes.length }
  const end = 4 + length + 2
  if (bytes.length < end) return 'more'
  if (command !== CONNECT) return { request: { reply: REPLY.commandNotSupported }, end }
  const at = bytes.subarray(type === NAME ? 5 : 4, end - 2)
  const host = parseHostBytes(type === NAME ? at.toString('latin1') : addressOf(at))?.name
  const port = bytes.readUInt16BE(end - 2)
  return { request: host === undefined || port === 0 ? { reply: REPLY.failed } : { host, port }, end }
}

const REPLIES: Readonly<Partial<Record<ErrorCode, Reply>>> = {
  PTC_CONNECT_REFUSED: REPLY.refused,
  PTC_CONNECT_UNREACHABLE: REPLY.networkUnreachable,
  PTC_CONNECT_TIMEOUT: REPLY.hostUnreachable,
  PTC_DNS_FAILED: REPLY.hostUnreachable,
  PTC_DNS_TIMEOUT: REPLY.hostUnreachable,
  PTC_VERIFY_REJECTED: REPLY.notAllowed,
  PTC_VERIFY_TIMEOUT: REPLY.notAllowed,
  PTC_VERIFY_POSTPONED: REPLY.notAllowed,
  PTC_VERIFY_PLUGIN_FAILED: REPLY.notAllowed,
  PTC_PLUGIN_REFUSED_ORIGIN: REPLY.notAllowed,
}

/** The reply that says most of an error. */
export function replyOf({ code, status }: ProxyError): Reply {
  const isRefusal = status === 403 || status === 407 || status === 508
  return REPLIES[code] ?? (isRefusal ? REPLY.notAllowed : REPLY.failed)
}
