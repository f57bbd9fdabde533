import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { listen } from './tcp-server.js'
import { readRecords, type WireView } from './tls-records.js'
import { Watch } from './watch.js'

/** A piece of bytes, and when it passed (`performance.now()`). */
export interface Chunk {
  readonly at: number
  readonly bytes: Buffer
}

/** What one side has sent over one connection. */
export interface Direction {
  readonly chunks: readonly Chunk[]
  /** When its sender ended it; undefined while it is open. */
  readonly endedAt: number | undefined
  bytes(): Buffer
  tls(): WireView
}

export interface TappedConnection {
  readonly openedAt: number
  readonly fromClient: Direction
  readonly fromOrigin: Direction
}

/** A relay between a client and an origin that keeps a record of every byte. */
export interface Relay {
  readonly port: number
  readonly connections: readonly TappedConnection[]
  /** The first answer of `probe` that is not undefined, asked again whenever something has passed. */
  until<T>(probe: () => T | undefined, what: string, ms?: number): Promise<T>
  stop(): Promise<void>
}

/** Records what a socket receives. */
export class Recording implements Direction {
  readonly chunks: Chunk[] = []
  endedAt: number | undefined

  /** @param onMore called when something has come, and at the end */
  constructor(socket: Socket, onMore: () => void) {
    socket.on('data', (bytes: Buffer) => {
      this.chunks.push({ at: performance.now(), bytes })
      onMore()
    })
    const ended = (): void => {
      this.endedAt ??= performance.now()
      onMore()
    }
    socket.on('end', ended).on('close', ended)
  }

  bytes(): Buffer {
    return Buffer.concat(this.chunks.map(chunk => chunk.bytes))
  }

  tls(): WireView {
    return readRecords(this.bytes())
  }
}

/** Relays to a port of this machine and records what passes. */
export function tapRelay(port: number): Promise<Relay> {
  return relay(port, async (to, bytes) => void to.write(bytes))
}

/** As {@link tapRelay}, but bytes go on in pieces of `n`, each in a TCP segment of its own. */
export function splittingRelay(port: number, n: number): Promise<Relay> {
  return relay(port, async (to, bytes) => {
    for (let at = 0; at < bytes.length && !to.destroyed; at += n) {
      await new Promise<void>(resolve => to.write(bytes.subarray(at, at + n), () => resolve()))
    }
  })
}

/** As {@link tapRelay}, but whatever comes waits this many milliseconds before it goes on. */
export function slowRelay(port: number, delay: number): Promise<Relay> {
  return relay(port, async (to, bytes) => {
    await sleep(delay)
    to.write(bytes)
  })
}

async function relay(port: number, forward: (to: Socket, bytes: Buffer) => Promise<void>): Promise<Relay> {
  const connections: TappedConnection[] = []
  const watch = new Watch()
  const server = await listen(client => {
    const origin = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    server.own(origin)
    const changed = (): void => watch.changed()
    const [fromClient, fromOrigin] = [new Recording(client, changed), new Recording(origin, changed)]
    connections.push({ openedAt: performance.now(), fromClient, fromOrigin })
    pass(client, origin)
    pass(origin, client)
    watch.changed()
  })

  function pass(from: Socket, to: Socket): void {
    let last = Promise.resolve()
    from.on('data', (bytes: Buffer) => {
      last = last.then(() => forward(to, bytes))
    })
    from.on('end', () => {
      last = last.then(() => void to.end())
    })
    from.on('close', hadError => {
      if (hadError) to.resetAndDestroy()
      else last = last.then(() => void to.destroySoon())
    })
  }

  const seen = (): string => connections.map(c => c.fromClient.tls().names.join(' ')).join('; ')
  return {
    port: server.port,
    connections,
    until: (probe, what, ms) => watch.until(probe, () => `${what}; clients sent: ${seen()}`, ms),
    stop: server.stop,
  }
}
