import type { ReplyWatcher } from './client-reply.js'

/** The life of a reply, which is the same in all versions of HTTP (see `ClientReply`). */
export abstract class ReplyLife {
  protected state: 'waiting' | 'started' | 'ended' | 'gone' = 'waiting'
  protected watcher: ReplyWatcher | undefined
  protected hasHead = false

  /** Whether the head is fixed; also for a reply that was cut after its head. */
  get headersSent(): boolean {
    return this.hasHead
  }

  get isEnded(): boolean {
    return this.state === 'ended'
  }

  /** The client has left. */
  get isGone(): boolean {
    return this.state === 'gone'
  }

  watch(watcher: ReplyWatcher): void {
    this.watcher = watcher
  }

  /** A whole reply. */
  sendAll(status: number, reason: string, fields: readonly string[], body: Uint8Array): void {
    this.writeHead(status, reason, fields)
    this.write(body)
    this.end()
  }

  abstract writeHead(status: number, reason: string, fields: readonly string[]): this
  abstract write(bytes: Uint8Array): boolean
  abstract end(): void

  /** Ends it in the middle, so that it cannot look complete. The watcher is not told. */
  cut(): void {
    if (this.state === 'ended' || this.state === 'gone') return
    this.state = 'gone'
    this.breakOff()
  }

  /** Ends what carries the reply. */
  protected abstract breakOff(): void

  /** For the connection: the client has left, or the stream has ended. */
  gone(): void {
    if (this.state === 'ended' || this.state === 'gone') return
    this.state = 'gone'
    this.watcher?.onClientGone()
  }

  /** For the connection: another protocol is spoken from here on. */
  handedOver(): void {
    if (this.state === 'waiting') this.state = 'gone'
  }

  /** For the connection: the body of the request cannot be read. @returns whether a watcher answers */
  broken(error: Error): boolean {
    this.watcher?.onClientBroken(error)
    return this.watcher !== undefined
  }
}
