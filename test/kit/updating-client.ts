import { once } from 'node:events'
import type { Socket } from 'node:net'
import { ClientEngine } from './peer-engine.js'

/** A client over a socket that sends KeyUpdates. It accepts every certificate; its natives are freed with its socket. */
export class UpdatingClient {
  readonly #socket: Socket
  readonly #engine: ClientEngine
  #secure: () => void = () => {}
  #isOver = false
  /** The plaintext received. */
  text = ''
  /** Resolves when the handshake is done. */
  readonly secured: Promise<void>
  readonly closed: Promise<unknown>

  constructor(socket: Socket, sni: string) {
    this.#socket = socket
    this.secured = new Promise(resolve => {
      this.#secure = resolve
    })
    this.#engine = new ClientEngine(sni)
    socket.on('error', () => {}) // its close follows
    socket.on('data', bytes => {
      this.#engine.receive(bytes)
      this.#turn()
    })
    this.closed = once(socket, 'close').then(() => {
      this.#isOver = true
      this.#engine.free()
    })
    this.#turn()
  }

  write(text: string): void {
    if (this.#isOver) return
    this.#engine.write(text)
    this.#flush()
  }

  /** Sends that many KeyUpdates in a row. */
  update(count: number): void {
    for (let i = 0; i < count; i++) this.#engine.updateKey(false)
    this.#flush()
  }

  #turn(): void {
    if (this.#engine.advance()) this.#secure()
    for (;;) {
      const got = this.#engine.read()
      if (got === undefined || got === 'end') break
      this.text += got
    }
    this.#flush()
  }

  #flush(): void {
    const bytes = this.#engine.take()
    if (bytes.length > 0) this.#socket.write(bytes)
  }
}
