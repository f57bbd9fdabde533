import type { VConn, VConnArgs } from '../api/vconn.js'

/** Both ends of a connection, as `address:port`. A {@link import('./link.js').Link} is one. */
export interface Endpoints {
  readonly remoteAddress: string
  readonly localAddress: string
}

/** Is called when a connection has ended. It returns a promise if a close continuation is asynchronous. */
export type CloseListener = (vconn: VConn) => undefined | Promise<unknown>

let lastId = 0

/**
 * One connection as plugins see it, and its end.
 *
 * Life: open -> closed. `close` may be called several times: the listener runs once. The args outlive the listener and
 * the promise that it returns, so that a close continuation still finds them.
 */
export class ProxyVConn {
  /** What plugins get: only `args` can be changed. */
  readonly shown: VConn
  #onClose: CloseListener | undefined

  constructor(direction: 'inbound' | 'outbound', ends: Endpoints, onClose: CloseListener) {
    const { remoteAddress, localAddress } = ends
    // Without a prototype: a plugin may be called `constructor`.
    const args: Partial<VConnArgs> = Object.create(null)
    this.shown = Object.freeze({ id: ++lastId, direction, remoteAddress, localAddress, args })
    this.#onClose = onClose
  }

  get isClosed(): boolean {
    return this.#onClose === undefined
  }

  close(): void {
    const onClose = this.#onClose
    if (onClose === undefined) return
    this.#onClose = undefined
    const empty = (): void => emptyArgs(this.shown.args)
    let pending: undefined | Promise<unknown>
    try {
      pending = onClose(this.shown)
    } finally {
      if (pending === undefined) empty()
      else pending.then(empty, empty)
    }
  }
}

function emptyArgs(args: Partial<VConnArgs>): void {
  for (const plugin of Reflect.ownKeys(args)) Reflect.deleteProperty(args, plugin)
}
