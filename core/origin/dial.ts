import { connect, isIP, type LookupFunction, type Socket } from 'node:net'
import { type ErrorCode, ProxyError } from '../base/errors.js'
import { codeOf } from '../base/system-error.js'
import { Receiver } from '../vconn/receiver.js'
import { TcpLink } from '../vconn/tcp-link.js'
import { deniedError, guardLookup } from './guard-lookup.js'

export interface DialOptions {
  /** Milliseconds until the connection stands, name resolution included. */
  readonly connectTimeout: number
  /** The same where it is another for the origin of this name. */
  readonly timeoutFor?: (name: string) => number | undefined
  /** Milliseconds that one address gets before the next one is tried (RFC 8305 section 5); default 250. */
  readonly attemptTimeout?: number
  /** Resolves names; default `dns.lookup`. A {@link ProxyError} it answers with is passed on as it is. */
  readonly lookup?: LookupFunction
  /** Hears of names none of whose addresses took a connection. */
  readonly onUnreachable?: (host: string) => void
  /** Addresses that must not be dialled, whether given or found behind a name. */
  readonly isDenied?: (address: string) => boolean
}

/** Where a TCP connection leads. */
export interface Address {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string
  readonly port: number
  /** The origin that is wanted there, where that is not `host`. */
  readonly name?: string
}

/**
 * Opens a TCP connection, trying the addresses of both families (Happy Eyeballs).
 * @throws {ProxyError} PTC_DNS_FAILED, PTC_CONNECT_*, PTC_ORIGIN_DENIED, PTC_OUT_OF_SOCKETS, and the signal's reason once it is aborted
 */
export function dial(to: Address, options: DialOptions, signal: AbortSignal): Promise<TcpLink> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(abortReason(signal))
      return
    }
    const { isDenied } = options
    if (isDenied !== undefined && isIP(to.host) !== 0 && isDenied(to.host)) {
      reject(deniedError(to.host))
      return
    }
    const lookup = isDenied === undefined ? options.lookup : guardLookup(options.lookup, isDenied)
    const connectTimeout = options.timeoutFor?.(to.name ?? to.host) ?? options.connectTimeout
    const receiver = new Receiver()
    const socket: Socket = connect({
      host: to.host,
      port: to.port,
      allowHalfOpen: true,
      noDelay: true,
      onread: receiver.onread,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: options.attemptTimeout ?? 250,
      ...SET_BY_NODE,
      ...(lookup === undefined ? {} : { lookup }),
    })
    const settle = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      socket.removeListener('connect', onConnect)
    }
    const fail = (error: ProxyError): void => {
      settle()
      if (UNREACHABLE.has(error.code)) options.onUnreachable?.(to.host)
      socket.destroy()
      reject(error)
    }
    const onConnect = (): void => {
      settle()
      socket.removeListener('error', onError)
      resolve(new TcpLink(socket, 'origin', receiver))
    }
    // It stays when the attempt has failed: a late error of a destroyed socket must find a listener.
    const onError = (error: Error): void => fail(connectError(error, to))
    const onAbort = (): void => fail(abortReason(signal))
    const onTimeout = (): void =>
      fail(
        new ProxyError(
          'PTC_CONNECT_TIMEOUT',
          `${to.host}:${to.port} did not accept within ${connectTimeout} ms`,
        ),
      )
    const timer = setTimeout(onTimeout, connectTimeout)
    signal.addEventListener('abort', onAbort)
    socket.on('connect', onConnect)
    socket.on('error', onError)
  })
}

/** What net.Socket sets on a copy of its options anyway: fields that are there keep each copy from a shape of its own. */
const SET_BY_NODE = { emitClose: false, autoDestroy: true, decodeStrings: false }

const UNREACHABLE: ReadonlySet<ErrorCode> = new Set([
  'PTC_CONNECT_REFUSED',
  'PTC_CONNECT_UNREACHABLE',
  'PTC_CONNECT_TIMEOUT',
])

/** Why a wait was given up: what the signal was aborted with, if it is one of ours. */
export function abortReason(signal: AbortSignal): ProxyError {
  const reason: unknown = signal.reason
  return reason instanceof ProxyError ? reason : new ProxyError('PTC_CLIENT_GONE', 'the client left')
}

/** Most telling first: the attempts at several addresses may have failed in different ways. */
const MEANINGS: readonly (readonly [ErrorCode, ReadonlySet<string>])[] = [
  ['PTC_OUT_OF_SOCKETS', new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])],
  [
    'PTC_DNS_FAILED',
    new Set(['ENOTFOUND', 'ENODATA', 'ESERVFAIL', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NONAME', 'EAI_NODATA']),
  ],
  ['PTC_CONNECT_TIMEOUT', new Set(['ETIMEDOUT', 'ERR_SOCKET_CONNECTION_TIMEOUT'])],
  ['PTC_CONNECT_REFUSED', new Set(['ECONNREFUSED', 'ECONNRESET'])],
]

function connectError(error: Error, to: Address): ProxyError {
  if (error instanceof ProxyError) return error
  const all: readonly unknown[] = error instanceof AggregateError ? [error, ...error.errors] : [error]
  const codes = all.map(codeOf)
  const found = MEANINGS.find(([, meant]) => codes.some(code => meant.has(code)))
  const code = found?.[0] ?? 'PTC_CONNECT_UNREACHABLE'
  const told = [...new Set(codes.filter(c => c !== ''))].join(', ')
  return new ProxyError(code, `cannot connect to ${to.host}:${to.port} (${told})`, { cause: error })
}
