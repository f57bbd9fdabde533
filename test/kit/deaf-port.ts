import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'

/** A port of 127.0.0.1 that is open and takes no more connections: what asks for one hears nothing at all. */
export interface DeafPort {
  readonly port: number
  /** It accepts from now on. The system sends a dropped request for a connection again about a second later. */
  wake(): void
  stop(): Promise<void>
}

/** Listens, and never gets to accept anything. */
const LISTENER = `
const { createServer } = require('node:net')
const { parentPort, workerData } = require('node:worker_threads')
const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  parentPort.postMessage(server.address().port)
  Atomics.wait(workerData, 0, 0)
})
`
/** More than the backlog, which Linux takes for one more than it says. */
const FILLING = 4
/** On the loopback, what has not been accepted after this time was dropped; milliseconds. */
const DROPPED_AFTER = 200

export async function deafPort(): Promise<DeafPort> {
  const awake = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(LISTENER, { eval: true, workerData: awake })
  const [port] = (await once(worker, 'message')) as [number]
  const fillers: Socket[] = Array.from({ length: FILLING }, () =>
    connect(port, '127.0.0.1').on('error', () => undefined),
  )
  const isFull = (): boolean => fillers.some(({ connecting }) => !connecting)
  for (const end = Date.now() + DROPPED_AFTER; Date.now() < end || !isFull(); )
    await new Promise(resolve => setTimeout(resolve, 10))
  return {
    port,
    wake: () => {
      Atomics.store(awake, 0, 1)
      Atomics.notify(awake, 0)
    },
    stop: async () => {
      for (const filler of fillers) filler.destroy()
      await worker.terminate()
    },
  }
}
