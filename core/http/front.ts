import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { ProxyError } from '../base/errors.js'
import { codeOf } from '../base/system-error.js'
import { clientError } from './client-errors.js'
import { Clients, closeServer } from './clients.js'
import type { Forwarder } from './forward.js'
import { handOver } from './hand-over.js'
import { listen } from './listen.js'
import type { Pages } from './page-templates.js'
import { errorReply, replyBytes, sendReply } from './replies.js'
import { type SecurePort, secureListener } from './secure-listener.js'
import { refusedSummary, type Summary } from './summary.js'
import { mayUpgrade, putBack, Upgrade } from './upgrade.js'

/** Milliseconds, unless said otherwise. */
export interface FrontLimits {
  /** Bytes of a request's line and header fields together. */
  readonly maxHeaderBytes: number
  /** For the request's head, from its first byte (or the connection's begin). */
  readonly headersTimeout: number
  /** For the whole request, body included; 0 for none, the forwarder's idle timeout holds then. */
  readonly requestTimeout: number
  /** Between two requests of a connection. */
  readonly keepAliveTimeout: number
  /** Without a byte, on a connection that waits for nothing but its client. */
  readonly idleTimeout: number
}

/** Takes a client's socket over from HTTP: nothing listens to it any more. */
export type SocketHandler = (req: IncomingMessage, socket: Socket, head: Buffer) => void

export interface FrontOptions {
  readonly forward: Pick<Forwarder, 'handle'>
  readonly limits: FrontLimits
  /** CONNECT; without it the answer is 501. */
  readonly onConnect?: SocketHandler
  /** Requests in origin-form are for the proxy itself; without it, and for those it answers false to, 400. */
  readonly onLocal?: (req: IncomingMessage, res: ServerResponse) => boolean
  readonly admit?: Admit
  /** The operator's error pages; asked for anew, because a reload exchanges them. */
  readonly pages?: () => Pages
  /** Asked about each connection; one that is not welcome has been closed. */
  readonly isWelcome?: (socket: Socket) => boolean
  /** Clients speak TLS to this port. */
  readonly secure?: SecurePort
  /** Without TLS: has plugins asked about each client before it is read. */
  readonly greet?: SecurePort
  /** Called for each request that never got to one of the others. */
  readonly onRefused?: (summary: Summary) => void
}

/** Says why a request is refused, before anything else is done with it. */
export type Admit = (req: IncomingMessage) => ProxyError | undefined | Promise<ProxyError | undefined>

/** A port, not yet open. */
export interface Front {
  /** Speaks HTTP on whatever it is handed; its `connection` events are for sockets that have been let in. */
  readonly server: Server
  /** Serves a connection that somebody else has accepted; only for a front that does not listen. */
  readonly take: (socket: Duplex) => void
  /** @throws {ProxyError} PTC_PORT_UNAVAILABLE */
  listen(port: number, host: string): Promise<AddressInfo>
  /** Takes over other times, for connections and requests to come; the size of a head stays as it was. */
  configure(limits: FrontLimits): void
  /** Takes no new connections, ends the idle ones, and after `grace` milliseconds the others. */
  close(grace: number): Promise<void>
}

/** Speaks HTTP/1.1 with clients on one port. */
export function createFront(options: FrontOptions): Front {
  const clients = new Clients()
  // Node 24.9 and later ask which wishes for another protocol to hear of.
  const server = createHttpServer(options, clients, { shouldUpgradeCallback: mayUpgrade })
  // Earlier, only a server that has no listener passes over a wish: this one serves those whose wish is ignored.
  const other = createHttpServer(options, clients)
  const isWelcome = options.isWelcome ?? (() => true)
  const entrance = options.secure ?? options.greet
  server.on('connection', (socket: Socket) => {
    if (entrance !== undefined || isWelcome(socket)) clients.add(socket)
  })
  const take = (socket: Duplex): void => handOver(server, socket)
  const secured = entrance && secureListener(entrance, isWelcome, take)
  const listener = secured?.server ?? server
  server.on('upgrade', (req, duplex, head) => {
    const socket = duplex as Socket // node:http hands out what net.createServer or tls.createServer made
    if (clients.has(socket))
      socket.destroy() // it cannot have waited for an answer
    else if (mayUpgrade(req)) onRequest(options, clients, req, new Upgrade(req, socket, head).res)
    else {
      putBack(req, socket, head)
      handOver(other, socket)
    }
  })
  return {
    server,
    take,
    configure: limits => {
      for (const one of [server, other]) setLimits(one, limits)
    },
    listen: (port, host) => listen(listener, port, host),
    close: grace => {
      secured?.endHandshakes()
      const timer = setTimeout(() => secured?.destroyAll(), grace)
      return closeServer(listener, server, clients, grace).finally(() => clearTimeout(timer))
    },
  }
}

function createHttpServer(options: FrontOptions, clients: Clients, more: object = {}): Server {
  const { limits } = options
  const server = createServer({
    ...more,
    maxHeaderSize: limits.maxHeaderBytes,
    connectionsCheckingInterval: checkEvery(limits),
    insecureHTTPParser: false,
    requireHostHeader: false, // checked with a page of our own
    noDelay: true,
  })
  setLimits(server, limits)
  server.maxHeadersCount = 0 // beyond a number Node drops fields without a word; their size is limited
  const listener = (req: IncomingMessage, res: ServerResponse): void => onRequest(options, clients, req, res)
  server.on('request', listener)
  server.on('checkContinue', listener) // the origin says whether to continue,
  server.on('checkExpectation', listener) // and what it makes of other expectations
  server.on('connect', (req, duplex, head) => {
    if (clients.has(duplex)) return void duplex.destroy() // a tunnel behind a response that is still being sent
    clients.forget(duplex)
    takeOver(options, options.onConnect, req, duplex, head)
  })
  server.on('clientError', (error, duplex) => onClientError(options, error, duplex, clients))
  server.on('timeout', (socket: Socket) => {
    if (!clients.has(socket)) socket.destroy()
  })
  return server
}

/** How often Node looks for heads that take too long. */
const checkEvery = ({ headersTimeout }: FrontLimits): number =>
  Math.min(5000, Math.max(50, headersTimeout / 4))

function setLimits(server: Server, limits: FrontLimits): void {
  const { headersTimeout, idleTimeout } = limits
  server.headersTimeout = headersTimeout
  server.requestTimeout = limits.requestTimeout
  server.keepAliveTimeout = limits.keepAliveTimeout
  // Silence does not end a connection before a head that is too slow has had its 408.
  const isEarly = idleTimeout < headersTimeout
  server.timeout = Math.max(idleTimeout, isEarly ? 0 : headersTimeout + 2 * checkEvery(limits))
}

function onRequest(options: FrontOptions, clients: Clients, req: IncomingMessage, res: ServerResponse): void {
  const startedAt = performance.now()
  if (req.httpVersion === '1.0') res.shouldKeepAlive = false // RFC 9112 section 9.3: a proxy must not
  let isOver = false
  res.on('close', () => {
    isOver = true
  })
  const go = (refusal: ProxyError | undefined): void => {
    if (refusal !== undefined) {
      if (!isOver) sendReply(res, errorReply(refusal, { host: undefined }, req.headers, options.pages?.()))
      tellRefused(options, refusal, startedAt, req, isOver ? 0 : refusal.status)
    } else if (isOver) {
      const gone = new ProxyError('PTC_CLIENT_GONE', 'the client left before it was admitted')
      tellRefused(options, gone, startedAt, req, 0)
    } else if (!req.url?.startsWith('/') || !options.onLocal?.(req, res)) options.forward.handle(req, res)
  }
  clients.enter(req.socket, req, res, () => whenAdmitted(options, req, go))
}

function takeOver(
  options: FrontOptions,
  handler: SocketHandler | undefined,
  req: IncomingMessage,
  duplex: Duplex,
  head: Buffer,
): void {
  const socket = duplex as Socket // node:http hands out what net.createServer or tls.createServer made
  socket.setTimeout(0) // the handler has deadlines of its own
  const startedAt = performance.now()
  const onEarlyError = (): void => void socket.destroy()
  socket.on('error', onEarlyError)
  whenAdmitted(options, req, refusal => {
    socket.removeListener('error', onEarlyError)
    const missing = new ProxyError('PTC_NOT_IMPLEMENTED', `this port does not serve ${req.method}`)
    const error = refusal ?? (handler === undefined ? missing : undefined)
    if (error === undefined) {
      handler?.(req, socket, head)
      return
    }
    refuse(socket, error, req, options.pages?.())
    tellRefused(options, error, startedAt, req)
  })
}

/** Goes on at once where the answer is there at once; an admission that fails is none. */
function whenAdmitted(
  { admit }: FrontOptions,
  req: IncomingMessage,
  go: (refusal: ProxyError | undefined) => void,
): void {
  const answer = admit?.(req)
  if (!(answer instanceof Promise)) go(answer)
  else {
    answer
      .catch((cause: unknown) =>
        cause instanceof ProxyError
          ? cause
          : new ProxyError('PTC_INTERNAL', 'the client could not be admitted', { cause }),
      )
      .then(go)
  }
}

function tellRefused(
  { onRefused }: FrontOptions,
  error: ProxyError,
  startedAt: number,
  req?: IncomingMessage,
  status = error.status,
): void {
  onRefused?.(refusedSummary(req, status, performance.now() - startedAt, error))
}

/** Answers on a socket that is no longer HTTP's, and closes it. */
export function refuse(socket: Duplex, error: ProxyError, req?: IncomingMessage, pages?: Pages): void {
  socket.on('error', () => socket.destroy())
  const host = req?.method === 'CONNECT' ? req.url : undefined
  socket.end(replyBytes(errorReply(error, { host }, req?.headers, pages)))
  socket.resume() // what the client still sends is read, or closing would reset the connection before it has the page
  setTimeout(() => socket.destroy(), LINGER).unref()
}

const LINGER = 2000

function onClientError(options: FrontOptions, error: Error, socket: Duplex, clients: Clients): void {
  const why = clientError(error)
  // An end in the middle of a body is a client that has left.
  const hasLeft = codeOf(error) === 'HPE_INVALID_EOF_STATE' && clients.has(socket)
  if (why === undefined || hasLeft || !socket.writable) {
    socket.destroy()
    return
  }
  clients.breakOff(socket, why, () => {
    const clientAddress = 'remoteAddress' in socket ? String(socket.remoteAddress) : undefined
    refuse(socket, why, undefined, options.pages?.())
    options.onRefused?.(refusedSummary(undefined, why.status, 0, why, clientAddress))
  })
}
