import { Duplex } from 'node:stream'
import type { ProxyError } from '../base/errors.js'
import { endGently } from '../vconn/end-gently.js'
import type { Link, LinkSink } from '../vconn/link.js'

/** Both ends of a TCP connection. */
export interface SocketAddresses {
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
}

/**
 * A link in the shape of a socket, for node:http and for whoever takes a socket over from it.
 *
 * Life: open -> (end in one direction)* -> closed, with the link below it. An end that was written is followed by a
 * gentle end of the link; a destruction before it ends the link at once.
 */
export class LinkDuplex extends Duplex implements LinkSink {
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  readonly #link: Link
  #onDrain: (() => void) | undefined
  #timeout = 0
  #timer: NodeJS.Timeout | undefined

  constructor(link: Link, addresses: SocketAddresses) {
    super({ allowHalfOpen: true })
    this.remoteAddress = addresses.remoteAddress
    this.remotePort = addresses.remotePort
    this.localAddress = addresses.localAddress
    this.localPort = addresses.localPort
    this.#link = link
    link.attach(this)
  }

  get remoteFamily(): string | undefined {
    return this.remoteAddress === undefined ? undefined : this.remoteAddress.includes(':') ? 'IPv6' : 'IPv4'
  }

  onData(bytes: Buffer): void {
    this.#timer?.refresh()
    if (!this.push(bytes)) this.#link.pause()
  }

  onDrain(): void {
    const done = this.#onDrain
    this.#onDrain = undefined
    this.#timer?.refresh()
    done?.()
  }

  onEnd(): void {
    this.push(null)
    this.read(0) // an end that nobody reads is told all the same, as a socket's is
  }

  onClose(_cause: ProxyError | undefined): void {
    this.destroy()
  }

  override _read(): void {
    this.#link.resume()
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#timer?.refresh()
    if (this.#link.write(bytes)) done()
    else this.#onDrain = done
  }

  /** A head and its body in one record. */
  override _writev(
    chunks: readonly { readonly chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'binary', done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#link.end()
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer)
    this.#onDrain = undefined
    if (this.writableFinished && error === null && !this.#link.isClosed) endGently(this.#link)
    else this.#link.destroy()
    done(error)
  }

  /** As net.Socket's: `timeout` is emitted when nothing moved for so long. */
  setTimeout(ms: number, onTimeout?: () => void): this {
    clearTimeout(this.#timer)
    this.#timeout = ms
    this.#timer = ms > 0 ? setTimeout(() => this.emit('timeout'), ms).unref() : undefined
    if (onTimeout !== undefined) {
      if (ms > 0) this.once('timeout', onTimeout)
      else this.off('timeout', onTimeout)
    }
    return this
  }

  get timeout(): number {
    return this.#timeout
  }

  /** As net.Socket's: ends, and closes when all is written. */
  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  /** The TCP socket below has it set already. */
  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }
}
