import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { protocolsIn } from '../origin/response-checks.js'
import type { Link } from '../vconn/link.js'
import { type PumpResult, pump } from '../vconn/pump.js'
import { TcpLink } from '../vconn/tcp-link.js'
import { scan } from './headers.js'
import { WaitingClient } from './waiting-client.js'

/** How long a client may take to read an answer before its socket is closed, in milliseconds. */
const LINGER = 2000

/**
 * Never passed on: HTTP/2 would take every further request past the proxy, and TLS would be a handshake with the origin
 * that nobody judges.
 */
const NOT_PASSED = /^(?:h2c?|http|tls)(?:\/|$)/

/**
 * A request that asks for another protocol. node:http has let go of its socket, so it has a response of its own.
 *
 * Life: waiting -> switched, the socket being the tunnel's; or -> answered like any request, the connection ending with
 * it; or -> gone.
 */
export class Upgrade {
  readonly res: ServerResponse
  readonly #client: WaitingClient

  constructor(req: IncomingMessage, socket: Socket, head: Buffer) {
    const res = new ServerResponse(req)
    res.shouldKeepAlive = false
    res.assignSocket(socket)
    const client = new WaitingClient(socket, head)
    client.signal.addEventListener('abort', () => socket.destroy())
    socket.on('drain', () => res.emit('drain'))
    res.once('finish', () => {
      client.discard()
      socket.end()
      socket.resume() // as long as it is read, closing it does not reset the connection
      setTimeout(() => socket.destroy(), LINGER).unref()
    })
    this.res = res
    this.#client = client
    upgrades.set(req, this)
  }

  /**
   * The origin has switched: the answer goes out, and from then on bytes are relayed until both ends have closed.
   * @param link the origin's, with `first` already read from it
   * @param idle milliseconds without a byte after which both are closed
   * @throws {ProxyError} PTC_CLIENT_GONE
   */
  switchTo(
    answer: string,
    link: Link,
    first: Buffer,
    idle: number,
    onDone: (result: PumpResult) => void,
  ): void {
    const socket = this.#client.release()
    socket.setTimeout(0)
    const client = new TcpLink(socket, 'client')
    client.write(Buffer.concat([Buffer.from(answer, 'latin1'), first]))
    pump(client, link, idle, onDone)
    client.resume()
    link.resume()
  }
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>()

/** For requests that ask for another protocol: how it can be switched to. */
export function upgradeOf(req: IncomingMessage): Upgrade | undefined {
  return upgrades.get(req)
}

/** The protocols that may be passed on, as an Upgrade field; undefined if there are none. */
export function passedProtocols(upgrade: string): string | undefined {
  const passed = protocolsIn(['upgrade', upgrade]).filter(name => name !== '' && !NOT_PASSED.test(name))
  return passed.length === 0 ? undefined : passed.join(', ')
}

/** RFC 9110 section 7.8: a server may ignore the field. One with a body is asked again after an answer like any other. */
export function mayUpgrade({ rawHeaders, httpVersion }: IncomingMessage): boolean {
  const { upgrade, framing } = scan(rawHeaders)
  const isBodiless = framing === 'none' || framing === 0
  return (
    httpVersion === '1.1' && isBodiless && upgrade !== undefined && passedProtocols(upgrade) !== undefined
  )
}

/** Makes a request unread again: its head is put in front of what came behind it. */
export function putBack(
  { method, url, httpVersion, rawHeaders }: IncomingMessage,
  socket: Socket,
  head: Buffer,
): void {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`
  for (let i = 0; i < rawHeaders.length; i += 2) text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`
  socket.unshift(Buffer.concat([Buffer.from(`${text}\r\n`, 'latin1'), head]))
}
