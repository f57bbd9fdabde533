import { connect, type Socket } from 'node:net'
import { listen } from './tcp-server.js'

/** A relay to origins whose connections the test ends. */
export interface CuttingRelay {
  readonly port: number
  /** How many connections there have been. */
  readonly connections: number
  readonly openConnections: number
  /** The bytes that came from the proxy, by connection. */
  readonly received: readonly Buffer[][]
  /** Where the next connections lead. */
  leadTo(port: number): void
  /** What comes next on a connection resets it, as a network does that has forgotten about it. */
  loseNext(): void
  /** So many of the next connections are ended at once. */
  refuse(count: number): void
  /** Ends all connections, as an origin that has waited long enough does. */
  cut(how?: 'end' | 'reset'): void
  stop(): Promise<void>
}

export async function cuttingRelay(port: number): Promise<CuttingRelay> {
  const open = new Set<Socket>()
  const received: Buffer[][] = []
  let target = port
  let isLost = false
  let refusals = 0
  const server = await listen(client => {
    if (refusals > 0) {
      refusals--
      received.push([])
      client.resetAndDestroy()
      return
    }
    const origin = connect({ port: target, host: '127.0.0.1', noDelay: true })
    const bytes: Buffer[] = []
    received.push(bytes)
    server.own(origin)
    open.add(client)
    client.on('data', (data: Buffer) => {
      bytes.push(data)
      if (isLost) client.resetAndDestroy()
      isLost = false
    })
    client.pipe(origin).pipe(client)
    client.on('error', () => origin.destroy())
    origin.on('error', () => client.destroy())
    client.on('close', () => {
      open.delete(client)
      origin.destroy()
    })
  })
  return {
    port: server.port,
    get connections() {
      return received.length
    },
    get openConnections() {
      return open.size
    },
    received,
    leadTo: next => {
      target = next
    },
    loseNext: () => {
      isLost = true
    },
    refuse: count => {
      refusals = count
    },
    cut: (how = 'end') => {
      for (const client of open) how === 'end' ? client.destroySoon() : client.resetAndDestroy()
    },
    stop: server.stop,
  }
}
