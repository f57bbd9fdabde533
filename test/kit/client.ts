import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { type HttpResponse, parseResponse } from './http-response.js'
import { Watch, within } from './watch.js'

/** A response, and how long it took. */
export interface TimedResponse extends HttpResponse {
  /** From the last `send` to its last byte, milliseconds. */
  readonly ms: number
}

/** A client that sends what it is told, byte for byte, and shows what comes back. */
export interface RawClient {
  readonly socket: Socket
  /** What has come and has not been taken by `response`. */
  pending(): Buffer
  /** Everything that has come, as latin1. */
  text(): string
  readonly isEnded: boolean
  send(text: string | Uint8Array): void
  /** Takes the next response. `method` is the request's; interim (1xx) responses are taken one by one, too. */
  response(method?: string, ms?: number): Promise<TimedResponse>
  until<T>(probe: () => T | undefined, what: string, ms?: number): Promise<T>
  /** Waits until the other side has ended its direction, or the connection broke. */
  ended(ms?: number): Promise<void>
  /** Of our end. */
  readonly localPort: number
  /** Ends our direction (FIN). */
  end(): void
  /** Ends the connection with a TCP reset. */
  reset(): void
  /** Speaks TLS from here on, after a CONNECT. Nothing may be pending. Rejects when the handshake fails. */
  secure(options: ConnectionOptions): Promise<RawClient & { readonly socket: TLSSocket }>
  /** Safe to call twice. */
  stop(): void
}

/**
 * Connects to a port of this machine.
 * @param from the address of the client, such as 127.0.0.2
 */
export async function rawClient(port: number, host = '127.0.0.1', from?: string): Promise<RawClient> {
  const own = from === undefined ? {} : { localAddress: from }
  const socket = connectTcp({ port, host, noDelay: true, allowHalfOpen: true, ...own })
  await within(once(socket, 'connect'), `a connection to ${host}:${port}`)
  return wrap(socket)
}

const clients = new Set<Socket>()

/**
 * For the runner: one that its test has not stopped does not keep a process alive when its server has; it would keep a process
 * of several files from the next one.
 */
export function closeClients(): void {
  for (const socket of clients) socket.destroy()
}

/** Connects to a port of this machine and makes a TLS handshake. */
export async function tlsClient(
  port: number,
  options: ConnectionOptions,
): Promise<RawClient & { readonly socket: TLSSocket }> {
  return (await rawClient(port)).secure(options)
}

function wrap<S extends Socket>(socket: S): RawClient & { readonly socket: S } {
  const watch = new Watch()
  let all = Buffer.alloc(0)
  let taken = 0
  let isEnded = false
  let sentAt = performance.now()
  const onData = (bytes: Buffer): void => {
    all = Buffer.concat([all, bytes])
    watch.changed()
  }
  const onEnd = (): void => {
    isEnded = true
    watch.changed()
  }
  socket.on('data', onData).on('end', onEnd).on('close', onEnd)
  clients.add(socket)
  socket.once('close', () => clients.delete(socket))
  socket.on('error', () => undefined) // its close follows
  const text = (): string => all.toString('latin1')
  const pending = (): Buffer => all.subarray(taken)
  const until: RawClient['until'] = (probe, what, ms) =>
    watch.until(probe, () => `${what}, got ${JSON.stringify(text().slice(-1000))}, ended: ${isEnded}`, ms)
  return {
    socket,
    localPort: socket.localPort ?? 0,
    pending,
    text,
    get isEnded() {
      return isEnded
    },
    send: data => {
      sentAt = performance.now()
      socket.write(data)
    },
    response: async (method, ms) => {
      const answer = await until<HttpResponse | 'ended'>(
        () => parseResponse(pending(), method, isEnded) ?? (isEnded ? 'ended' : undefined),
        'a response',
        ms,
      )
      if (answer === 'ended') throw new Error(`ended without a response: ${JSON.stringify(text())}`)
      taken += answer.size
      return { ...answer, ms: performance.now() - sentAt }
    },
    until,
    ended: async ms => {
      await until(() => isEnded || undefined, 'the end', ms)
    },
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    secure: async options => {
      socket.off('data', onData)
      const secured = connectTls({ ...options, socket })
      try {
        await within(once(secured, 'secureConnect'), 'a TLS handshake')
      } catch (cause) {
        secured.destroy()
        socket.destroy()
        throw cause
      }
      return wrap(secured)
    },
    stop: () => void socket.destroy(),
  }
}

/** A request in absolute form, as a client sends it to a proxy. */
export function requestText(url: string, fields: readonly string[] = []): string {
  return `GET ${url} HTTP/1.1\r\n${[`Host: ${new URL(url).host}`, ...fields].join('\r\n')}\r\n\r\n`
}

/** Sends one request in absolute form to a proxy, over a connection of its own. */
export async function get(
  port: number,
  url: string,
  fields: readonly string[] = ['Accept: text/plain'],
  ms?: number,
): Promise<TimedResponse> {
  const client = await rawClient(port)
  try {
    return await getOn(client, url, fields, ms)
  } finally {
    client.stop()
  }
}

/** The same over a connection that is there. */
export function getOn(
  client: RawClient,
  url: string,
  fields: readonly string[] = ['Accept: text/plain'],
  ms?: number,
): Promise<TimedResponse> {
  client.send(requestText(url, fields))
  return client.response('GET', ms)
}
