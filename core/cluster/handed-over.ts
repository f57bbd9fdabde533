/**
 * Connections that `node:cluster` has handed to a process and that no process has taken. Node forgets them when the process ends,
 * and when the last process has closed its ports; their clients would wait without end. Here they are closed.
 *
 * `node:cluster` says nothing about them, but its messages can be read on their way: `newconn` goes out with the connection and
 * a number, and the process answers with that number, and with whether it takes the connection; if not, another gets it
 * (lib/internal/cluster, the same in Node 20 to 26). Where a later Node has other messages, nothing is noted and nothing is closed.
 */
import type { ChildProcess } from 'node:child_process'
import { after } from '../base/timer.js'

interface Closable {
  close(): void
}

type Child = Pick<ChildProcess, 'send' | 'on'>

/** One time that a connection was handed to a process: Node may hand it to the same process again. */
interface Handing {
  readonly connection: Closable
}

/** Milliseconds for another process to get a connection, where all end. */
const HAND_ON = 1000

export class HandedOver {
  /** By connection: the last time, undefined between two. */
  readonly #untaken = new Map<Closable, Handing | undefined>()
  readonly #isStopping: () => boolean
  readonly #onFault: (why: Error) => void

  /** @param isStopping whether all processes end */
  constructor(isStopping: () => boolean, onFault: (why: Error) => void) {
    this.#isStopping = isStopping
    this.#onFault = onFault
  }

  /**
   * Notes what is handed to a process from now on.
   * @param child the process; its `send` is replaced
   * @returns closes what the process did not take; to be called when it has ended
   */
  note(child: Child): () => void {
    const byNumber = new Map<number, Handing>()
    let hasEnded = false
    const closeAll = (): false => {
      hasEnded = true
      for (const handing of byNumber.values()) this.#close(handing)
      byNumber.clear()
      return false
    }
    const send = child.send.bind(child) as (...args: readonly unknown[]) => boolean
    child.send = (...args: readonly unknown[]): boolean => {
      const [message, connection] = args
      const { act, seq } = fieldsOf(message)
      if (act === 'newconn' && typeof seq === 'number' && isClosable(connection)) {
        const handing = { connection }
        this.#untaken.set(connection, handing)
        byNumber.set(seq, handing)
        if (hasEnded) return closeAll() // node:cluster learns of an end by two events, and may hand over between them
      }
      return send(...args)
    }
    child.on('internalMessage', (message: unknown) => {
      const { ack, accepted } = fieldsOf(message)
      const handing = typeof ack === 'number' ? byNumber.get(ack) : undefined
      if (handing === undefined) return
      byNumber.delete(ack as number)
      if (accepted === true) this.#untaken.delete(handing.connection)
      else this.#handOn(handing)
    })
    return closeAll
  }

  /** Node may have handed it on already. */
  #handOn(handing: Handing): void {
    const { connection } = handing
    if (this.#untaken.get(connection) === handing) this.#untaken.set(connection, undefined)
    const look = (): void => {
      if (!this.#untaken.has(connection) || this.#untaken.get(connection) !== undefined) return
      if (!this.#isStopping()) return void after(HAND_ON, look, this.#onFault).unref()
      this.#untaken.delete(connection)
      connection.close()
    }
    after(HAND_ON, look, this.#onFault).unref()
  }

  /** Unless it was handed on since. */
  #close(handing: Handing): void {
    const { connection } = handing
    if (this.#untaken.get(connection) !== handing) return
    this.#untaken.delete(connection)
    connection.close()
  }
}

const fieldsOf = (message: unknown): Readonly<Record<string, unknown>> =>
  typeof message === 'object' && message !== null ? (message as Readonly<Record<string, unknown>>) : {}

const isClosable = (value: unknown): value is Closable =>
  typeof (value as Partial<Closable> | null | undefined)?.close === 'function'
