import type { ProxyError } from '../../core/base/errors.js'
import type { Link, LinkSink } from '../../core/vconn/link.js'

/** A link whose other end is the test: it says what comes and when there is room, and sees what was sent. */
export class FakeLink implements Link {
  readonly localAddress = '127.0.0.1:1'
  readonly remoteAddress = '127.0.0.1:2'
  readonly written: Buffer[] = []
  sink: LinkSink | undefined
  isClosed = false
  isPaused = false
  hasEnded = false
  /** What `write` answers. */
  hasRoom = true

  attach(sink: LinkSink): void {
    this.sink = sink
  }

  /** As a socket does: what comes after the end is not sent, and there is no drain to wait for. */
  write(bytes: Uint8Array): boolean {
    if (this.isClosed || this.hasEnded) return false
    this.written.push(Buffer.from(bytes))
    return this.hasRoom
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  end(): void {
    this.hasEnded = true
  }

  destroy(cause?: ProxyError): void {
    if (this.isClosed) return
    this.isClosed = true
    this.sink?.onClose(cause)
  }

  /** The other end has ended; as a socket does, the link closes when both have. */
  fin(): void {
    this.sink?.onEnd()
    if (this.hasEnded) this.destroy()
  }

  /** The other end has room again. */
  drain(): void {
    this.hasRoom = true
    this.sink?.onDrain()
  }

  sent(): Buffer {
    return Buffer.concat(this.written.splice(0))
  }
}

/** Writes down what a link says. */
export class SinkLog implements LinkSink {
  readonly said: string[] = []
  bytes = 0
  readonly #onData: () => void

  constructor(onData: () => void = () => {}) {
    this.#onData = onData
  }

  onData(bytes: Buffer): void {
    this.bytes += bytes.length
    this.said.push(bytes.length > 100 ? 'much' : bytes.toString())
    this.#onData()
  }

  onDrain(): void {
    this.said.push('drain')
  }

  onEnd(): void {
    this.said.push('end')
  }

  onClose(cause: ProxyError | undefined): void {
    this.said.push(`close ${cause?.code}`)
  }
}
