import type { Socket } from 'node:net'

/** What a link uses of its socket. */
export type LinkSocket = Pick<
  Socket,
  | 'bytesRead'
  | 'bytesWritten'
  | 'destroyed'
  | 'localAddress'
  | 'localPort'
  | 'readableEnded'
  | 'remoteAddress'
  | 'remotePort'
  | 'writable'
  | 'writableLength'
> & {
  on(event: 'end' | 'drain', listener: () => void): unknown
  on(event: 'data', listener: (bytes: Buffer) => void): unknown
  once(event: 'close', listener: () => void): unknown
  write(bytes: Uint8Array): boolean
  pause(): unknown
  resume(): unknown
  end(): unknown
  destroy(): unknown
  resetAndDestroy(): unknown
}

const nothing = (): undefined => undefined

/** Stands for sockets that have closed: with its streams and listeners a socket takes 2 KB. */
export const CLOSED: LinkSocket = Object.freeze({
  bytesRead: 0,
  bytesWritten: 0,
  destroyed: true,
  readableEnded: true,
  remoteAddress: undefined,
  remotePort: undefined,
  writable: false,
  writableLength: 0,
  on: nothing,
  once: nothing,
  write: () => false,
  pause: nothing,
  resume: nothing,
  end: nothing,
  destroy: nothing,
  resetAndDestroy: nothing,
})
