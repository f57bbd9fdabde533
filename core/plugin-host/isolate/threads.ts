import { fileURLToPath } from 'node:url'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { TopicOwner } from '../managed.js'
import type { LoadedLine } from '../resolve.js'
import type { WorkerTask } from './messages.js'

/** A thread that runs the plugin. */
export interface Thread {
  readonly port: MessagePort
  /** Never rejected: what ended it, if it was not asked to end. */
  readonly ended: Promise<unknown>
  /** Ends it whatever it is doing. */
  kill(): void
}

/** Makes threads that run the plugin. */
export interface Threads {
  start(): Thread
  /** Ends all of them. */
  destroy(): void
}

export interface ThreadOptions {
  /** The module whose default export serves a {@link WorkerTask}. */
  readonly entry: URL
  readonly path: string
  readonly line: LoadedLine
  /** Topics that other plugins have. */
  readonly taken: readonly TopicOwner[]
  readonly count: number
  readonly memoryMb: number
}

/**
 * Piscina keeps the threads: it starts them, limits their memory, ends them, and replaces those that died. What it calls
 * a task is here one loaded plugin, which lives as long as its thread; questions pass over a port of their own, so that a
 * thread can have many, and be heard before it has finished.
 */
export function makeThreads({ entry, path, line, taken, count, memoryMb }: ThreadOptions): Threads {
  const pool = new Piscina({
    minThreads: count,
    maxThreads: count,
    concurrentTasksPerWorker: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
    // It would keep the thread's event loop from turning.
    atomics: 'disabled',
    recordTiming: false,
    resourceLimits: {
      maxOldGenerationSizeMb: memoryMb,
      maxYoungGenerationSizeMb: Math.max(2, Math.ceil(memoryMb / 8)),
    },
  })
  // A thread that dies without a task has no caller that waits for it; the next one to be started gets another.
  pool.on('error', () => {})
  return {
    start() {
      const { port1, port2 } = new MessageChannel()
      const stop = new AbortController()
      const task: WorkerTask = { port: port2, path, line, taken }
      const ended = pool
        .run(task, { filename: fileURLToPath(entry), transferList: [port2], signal: stop.signal })
        .then(
          () => undefined,
          cause => cause,
        )
      return {
        port: port1,
        ended,
        kill: () => {
          stop.abort()
          port1.close()
        },
      }
    },
    destroy: () => void pool.destroy().catch(() => undefined),
  }
}
