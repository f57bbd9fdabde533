import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { ERRORS } from '../base/errors.js'
import { describe } from '../base/thrown.js'
import type { AdminApi } from './admin-api.js'
import type { Handler } from './app.js'
import { listenAt } from './socket-file.js'

/** How long a request may take to arrive; milliseconds. */
const REQUEST_TIMEOUT = 10_000

/** The management API, open on its socket. */
export interface Admin {
  readonly path: string
  /** Ends what is under way, and removes the socket's file. Safe to call twice. */
  close(): Promise<void>
}

/**
 * Opens the management API. What serves it is loaded with the first request: until then it costs a socket.
 * @throws {ProxyError} PTC_ADMIN_SOCKET
 */
export async function openAdmin(
  path: string,
  desk: AdminApi,
  onError: (message: string) => void,
): Promise<Admin> {
  let app: Promise<Handler> | undefined
  const server = createServer((req, res) => {
    app ??= import('./app.js').then(({ makeApp }) => makeApp(desk))
    app.then(
      handle => handle(req, res),
      cause => {
        onError(`the management API cannot be loaded: ${describe(cause)}`)
        fail(req, res, describe(cause))
      },
    )
  })
  server.requestTimeout = REQUEST_TIMEOUT
  server.on('error', cause => onError(`the management socket failed: ${describe(cause)}`))
  const remove = await listenAt(server, path)
  return {
    path,
    close: async () => {
      await remove()
      server.close()
      server.closeAllConnections()
    },
  }
}

function fail(req: IncomingMessage, res: ServerResponse, message: string): void {
  req.resume()
  const error = { code: 'PTC_INTERNAL', message, remedy: ERRORS.PTC_INTERNAL.remedy }
  res.writeHead(500, { 'content-type': 'application/json' }).end(JSON.stringify({ error }))
}
