import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ERRORS } from '../base/error-table.js'
import { ProxyError } from '../base/errors.js'
import { describe } from '../base/thrown.js'
import type { AdminApi } from './admin-api.js'
import type { AppParts, Handler } from './app.js'
import type { CertificateFiles, secureServer } from './secure-server.js'
import { listenAt } from './socket-file.js'

/** How long a request may take to arrive; milliseconds. */
const REQUEST_TIMEOUT = 10_000

/** The management API, open on its socket or on its port. */
export interface Admin {
  /** The path of the socket, or `address:port`. */
  readonly at: string
  /** Ends the requests in flight, and removes the socket's file. Safe to call twice. */
  close(): Promise<void>
}

/**
 * Serves the API to requests that are let in. What serves it is loaded with the first request: until then it costs
 * nothing.
 */
export function lazyApp(api: AdminApi, parts: AppParts, onError: (message: string) => void): Handler {
  let app: Promise<Handler> | undefined
  return (req, res) => {
    app ??= import('./app.js').then(({ makeApp }) => makeApp(api, parts))
    app.then(
      handle => handle(req, res),
      cause => {
        app = undefined
        onError(`the management API cannot be loaded: ${describe(cause)}`)
        fail(req, res, describe(cause))
      },
    )
  }
}

function serverOf(serve: Handler, onError: (message: string) => void): Server {
  const server = createServer(serve)
  server.requestTimeout = REQUEST_TIMEOUT
  server.on('error', cause => onError(`the management API failed: ${describe(cause)}`))
  return server
}

/** Milliseconds that a request in flight has for its answer: one of them may have asked for the end. */
const LAST_WORDS = 500

async function closed(server: Server): Promise<void> {
  const ended = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const limit = new AbortController()
  await Promise.race([ended, sleep(LAST_WORDS, undefined, limit).catch(() => undefined)])
  limit.abort()
  server.closeAllConnections()
}

/** @throws {ProxyError} PTC_ADMIN_SOCKET */
export async function openSocket(
  path: string,
  serve: Handler,
  onError: (message: string) => void,
): Promise<Admin> {
  const server = serverOf(serve, onError)
  const remove = await listenAt(server, path)
  return {
    at: path,
    close: async () => {
      await remove()
      await closed(server)
    },
  }
}

/**
 * @param at `address:port`
 * @throws {ProxyError} PTC_ADMIN_PORT
 */
export async function openPort(
  at: string,
  serve: Handler,
  onError: (message: string) => void,
  tls?: CertificateFiles,
): Promise<Admin & { readonly address: string; readonly port: number }> {
  const server = tls === undefined ? createServer(serve) : await secure(tls, serve, onError)
  server.requestTimeout = REQUEST_TIMEOUT
  try {
    const [, host = '', port = ''] = /^\[?([^\]]+)\]?:(\d+)$/.exec(at) ?? []
    server.listen(Number(port), host)
    await once(server, 'listening')
  } catch (cause) {
    throw new ProxyError('PTC_ADMIN_PORT', `proxy.config.admin.listen ${at}: ${describe(cause)}`, { cause })
  }
  server.on('error', cause => onError(`the management port failed: ${describe(cause)}`))
  const { address, port } = server.address() as AddressInfo
  return { at, address, port, close: () => closed(server) }
}

/** Loaded where a port speaks TLS. */
async function secure(...args: Parameters<typeof secureServer>): Promise<Server> {
  return (await import('./secure-server.js')).secureServer(...args)
}

function fail(req: IncomingMessage, res: ServerResponse, message: string): void {
  req.resume()
  const error = { code: 'PTC_INTERNAL', message, remedy: ERRORS.PTC_INTERNAL.remedy }
  res.writeHead(500, { 'content-type': 'application/json' }).end(JSON.stringify({ error }))
}
