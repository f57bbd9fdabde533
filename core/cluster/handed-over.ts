/**
 * Connections that `node:cluster` has handed to a process and that the process has not taken. Node forgets them when the
 * process ends, and their clients would wait without end: here they are closed.
 *
 * `node:cluster` says nothing about them, but its messages can be read on their way: `newconn` goes out with the connection and
 * a number, and the process answers with that number (lib/internal/cluster, the same in Node 20 to 26). Where a later Node
 * has other messages, nothing is noted and nothing is closed.
 */
import type { ChildProcess } from 'node:child_process'

interface Closable {
  close(): void
}

/**
 * Notes what is handed to a process from now on.
 * @param child the process; its `send` is replaced
 * @returns closes what the process did not take; to be called when it has ended
 */
export function noteHandedOver(child: Pick<ChildProcess, 'send' | 'on'>): () => void {
  const untaken = new Map<number, Closable>()
  const send = child.send.bind(child) as (...args: readonly unknown[]) => boolean
  child.send = (...args: readonly unknown[]): boolean => {
    const [message, connection] = args
    const { act, seq } = fieldsOf(message)
    if (act === 'newconn' && typeof seq === 'number' && isClosable(connection)) untaken.set(seq, connection)
    return send(...args)
  }
  child.on('internalMessage', (message: unknown) => {
    const { ack } = fieldsOf(message)
    if (typeof ack === 'number') untaken.delete(ack)
  })
  return () => {
    for (const connection of untaken.values()) connection.close()
    untaken.clear()
  }
}

const fieldsOf = (message: unknown): Readonly<Record<string, unknown>> =>
  typeof message === 'object' && message !== null ? (message as Readonly<Record<string, unknown>>) : {}

const isClosable = (value: unknown): value is Closable =>
  typeof (value as Partial<Closable> | null | undefined)?.close === 'function'
