import type { Socket } from 'node:net'
import { type Direction, Recording } from './relay.js'
import { listen } from './tcp-server.js'
import { Watch } from './watch.js'

/** One connection to a raw origin, as its script sees it. */
export interface RawConnection extends Direction {
  readonly openedAt: number
  text(): string
  send(bytes: string | Uint8Array): void
  /** Ends our direction (FIN). */
  end(): void
  /** Ends the connection with a TCP reset. */
  reset(): void
  /** Waits until that many bytes have come in all. */
  untilBytes(count: number): Promise<void>
  until<T>(probe: () => T | undefined, what: string, ms?: number): Promise<T>
}

/** What a raw origin does with a connection. What it throws (a wait that was in vain, say) ends the connection. */
export type RawScript = (connection: RawConnection) => void | Promise<void>

/** A TCP server that knows no protocol: it records what comes, and answers what its script says. */
export interface RawOrigin {
  readonly port: number
  readonly connections: readonly RawConnection[]
  /** The connection with that index, as soon as it is there. */
  connection(index: number, ms?: number): Promise<RawConnection>
  stop(): Promise<void>
}

export const scripts = {
  /** Accepts, and never says a word. */
  silence: (): void => undefined,
  closeAtOnce: (connection: RawConnection): void => connection.end(),
  resetAtOnce: (connection: RawConnection): void => connection.reset(),
  /** Answers the first bytes with what is no TLS. */
  garbage: async (connection: RawConnection): Promise<void> => {
    await connection.untilBytes(1)
    connection.send('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')
  },
  /** Answers the first bytes with a fatal alert. */
  alert:
    (code: number): RawScript =>
    async connection => {
      await connection.untilBytes(1)
      connection.send(Buffer.from([21, 3, 3, 0, 2, 2, code]))
      connection.end()
    },
  /** Answers a request in plain HTTP. */
  reply:
    (text: string): RawScript =>
    async connection => {
      await connection.until(() => (connection.text().includes('\r\n\r\n') ? true : undefined), 'a request')
      connection.send(text)
    },
} as const

export async function rawOrigin(script: RawScript): Promise<RawOrigin> {
  const connections: RawConnection[] = []
  const watch = new Watch()
  const server = await listen(socket => {
    const connection = wrap(socket)
    connections.push(connection)
    watch.changed()
    Promise.resolve()
      .then(() => script(connection))
      .catch(() => socket.destroy())
  })
  return {
    port: server.port,
    connections,
    connection: (index, ms) =>
      watch.until(
        () => connections[index],
        () => `connection ${index}`,
        ms,
      ),
    stop: server.stop,
  }
}

function wrap(socket: Socket): RawConnection {
  const watch = new Watch()
  const received = new Recording(socket, () => watch.changed())
  socket.on('close', () => watch.over())
  const text = (): string => received.bytes().toString('latin1')
  const until: RawConnection['until'] = (probe, what, ms) =>
    watch.until(probe, () => `${what}, got ${JSON.stringify(text().slice(0, 200))}`, ms)
  return {
    openedAt: performance.now(),
    chunks: received.chunks,
    get endedAt() {
      return received.endedAt
    },
    bytes: () => received.bytes(),
    text,
    tls: () => received.tls(),
    send: data => void socket.write(data),
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    untilBytes: async count => {
      await until(() => (received.bytes().length >= count ? true : undefined), `${count} bytes`)
    },
    until,
  }
}
