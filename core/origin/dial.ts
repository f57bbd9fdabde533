import { isIP } from 'node:net'
import { type ErrorCode, ProxyError } from '../base/errors.js'
import { codeOf } from '../base/thrown.js'
import { after } from '../base/timer.js'
import { TcpLink } from '../vconn/tcp-link.js'
import { ATTEMPT_DELAY, connectToFirst } from './happy-eyeballs.js'
import type { NameAddress } from './names/names.js'

/** What a dial asks about names; {@link Names} is one. */
export interface NameResolver {
  /** @throws {ProxyError} where there is no address, or the signal's reason */
  resolve(host: string, client: string, signal: AbortSignal): Promise<readonly NameAddress[]>
  /** What is known of a name without asking; undefined: nothing. */
  known?(host: string): readonly string[] | undefined
  /** None of the addresses took a connection. */
  forget(host: string): void
}

export interface DialOptions {
  /** Milliseconds until the connection stands, name resolution included. */
  readonly connectTimeout: number
  /** The same where it is another for the origin of this name. */
  readonly timeoutFor?: (name: string) => number | undefined
  /** Milliseconds after which the next address is tried as well (RFC 8305 section 5); default 250. */
  readonly attemptDelay?: number
  readonly names: NameResolver
  /** Addresses that must not be dialled, whether given or found behind a name. */
  readonly isDenied?: (address: string) => boolean
  /** Addresses and ports where the proxy itself listens: they must not be dialled either. */
  readonly isOwn?: (address: string, port: number) => boolean
}

/** Where a TCP connection leads. */
export interface Address {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string
  readonly port: number
  /** The origin that is wanted there, where that is not `host`. */
  readonly name?: string
  /** The network of the client that it is for; '' for the proxy itself. */
  readonly client: string
  /** Told the addresses that may be dialled, before one of them is. @returns true: no connection is needed */
  readonly isServed?: ((addresses: readonly string[]) => boolean) | undefined
}

/** A dial has ended because its caller has found another connection. */
export class NotNeeded extends ProxyError {
  constructor() {
    super('PTC_INTERNAL', 'no connection is needed')
  }
}

/**
 * Opens a TCP connection, trying the addresses of both families (Happy Eyeballs). Names are resolved here and nowhere
 * below: the addresses that were checked are those that are dialled.
 * @throws {ProxyError} PTC_DNS_*, PTC_CONNECT_*, PTC_ORIGIN_DENIED, PTC_LOOP_DETECTED, PTC_OUT_OF_SOCKETS, and the signal's reason once it is aborted;
 *   {@link NotNeeded}
 */
export async function dial(to: Address, options: DialOptions, signal: AbortSignal): Promise<TcpLink> {
  if (signal.aborted) throw abortReason(signal)
  const connectTimeout = options.timeoutFor?.(to.name ?? to.host) ?? options.connectTimeout
  const end = new AbortController()
  const onAbort = (): void => end.abort(abortReason(signal))
  let isResolved = false
  const timer = after(
    connectTimeout,
    () => end.abort(late(to, connectTimeout, isResolved)),
    why => end.abort(why),
  )
  signal.addEventListener('abort', onAbort)
  try {
    const addresses = await addressesOf(to, options, end.signal)
    isResolved = true
    if (to.isServed?.(addresses.map(({ address }) => address)) === true) throw new NotNeeded()
    return await connectTo(to, addresses, options, end.signal)
  } catch (cause) {
    const error = end.signal.aborted ? abortReason(end.signal) : connectError(cause, to)
    if (UNREACHABLE.has(error.code)) options.names.forget(to.host)
    throw error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

function late({ host, port }: Address, timeout: number, isResolved: boolean): ProxyError {
  const what = isResolved ? `${host}:${port} did not accept` : `the name ${host} was not resolved`
  return new ProxyError('PTC_CONNECT_TIMEOUT', `${what} within ${timeout} ms`)
}

/**
 * Those that may be dialled. What is left out cannot come back by a name that means another address a moment later.
 * @throws {ProxyError} PTC_DNS_*, PTC_ORIGIN_DENIED, PTC_LOOP_DETECTED, or the signal's reason
 */
export async function addressesOf(
  to: Address,
  options: DialOptions,
  signal: AbortSignal,
): Promise<readonly NameAddress[]> {
  const { host, client } = to
  const family = isIP(host)
  const found: readonly NameAddress[] =
    family === 4 || family === 6
      ? [{ address: host, family }]
      : await unlessAborted(options.names.resolve(host, client, signal), signal)
  const refusals = found.map(({ address }) => refusal(address, to, options))
  const allowed = found.filter((_, i) => refusals[i] === undefined)
  if (allowed.length === 0) throw refusals[0] ?? deniedError(host)
  return allowed
}

/** Says nothing of the address: a client must not map the network behind the proxy by its names. */
function deniedError(host: string): ProxyError {
  return new ProxyError('PTC_ORIGIN_DENIED', `${host} is not on the public internet`)
}

async function connectTo(
  to: Address,
  addresses: readonly NameAddress[],
  { attemptDelay = ATTEMPT_DELAY, isOwn }: DialOptions,
  signal: AbortSignal,
): Promise<TcpLink> {
  const { socket, receiver } = await connectToFirst(addresses, to.port, attemptDelay, signal)
  // The address that the system has connected to may be another one than the address that was asked for.
  const { remoteAddress = '', remotePort = 0 } = socket
  const link = new TcpLink(socket, 'origin', receiver)
  if (isOwn?.(remoteAddress, remotePort)) {
    link.destroy()
    throw ownError(to)
  }
  if (signal.aborted) {
    link.destroy()
    throw abortReason(signal)
  }
  return link
}

/** Why an address must not be dialled; undefined when it may be. */
function refusal(address: string, to: Address, { isDenied, isOwn }: DialOptions): ProxyError | undefined {
  if (isOwn?.(address, to.port)) return ownError(to)
  return isDenied?.(address) ? deniedError(to.host) : undefined
}

/** Where a connection would lead to the proxy's own port. */
export const ownError = ({ host, port }: Address): ProxyError =>
  new ProxyError('PTC_LOOP_DETECTED', `${host}:${port} is this proxy itself`)

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

/** The promise's end, or the signal's, whichever is first. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortReason(signal))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
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

function connectError(error: unknown, to: Address): ProxyError {
  if (error instanceof ProxyError) return error
  const all: readonly unknown[] = Array.isArray(error) ? error : [error]
  const codes = all.map(codeOf)
  const found = MEANINGS.find(([, meant]) => codes.some(code => meant.has(code)))
  const code = found?.[0] ?? 'PTC_CONNECT_UNREACHABLE'
  const told = [...new Set(codes.filter(c => c !== ''))].join(', ')
  return new ProxyError(code, `cannot connect to ${to.host}:${to.port} (${told})`, { cause: all[0] })
}
