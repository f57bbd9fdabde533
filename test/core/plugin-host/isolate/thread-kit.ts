import { EventEmitter } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import type { Test } from 'tap'
import type { Thread } from '../../../../core/plugin-host/isolate/threads.js'

/** Records: the machine may have much to do. */
export const SLOWLY = { 'proxy.config.plugin.init_timeout': 60_000 }

export interface TestThread extends Thread {
  say(message: unknown): void
  readonly isKilled: () => boolean
  /** What it was sent. */
  readonly sent: readonly unknown[]
}

/** A thread that says what the test wants. */
export function thread(t: Test): TestThread {
  const { port1, port2 } = new MessageChannel()
  const ended = new EventEmitter()
  let isKilled = false
  const sent: unknown[] = []
  port2.on('message', message => sent.push(message))
  t.teardown(() => {
    port1.close()
    port2.close()
  })
  return {
    port: port1,
    ended: new Promise(resolve => ended.once('end', resolve)),
    kill: () => {
      isKilled = true
      port1.close()
      ended.emit('end')
    },
    say: message => port2.postMessage(message),
    isKilled: () => isKilled,
    sent,
  }
}
