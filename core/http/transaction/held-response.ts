import type { ProxyError } from '../../base/errors.js'
import type { ResponseHead, ResponseSink } from '../../http1/messages.js'
import type { OriginConnection } from '../../origin/connection.js'
import type { Link } from '../../vconn/link.js'
import { ReadAhead } from '../../vconn/read-ahead.js'
import type { OnAsked, TxnHooks } from './hooks.js'

/** A transaction, as the response that is held for it sees it. */
export interface HeldSink extends ResponseSink {
  /** The fields of a response as they are for the client. */
  fieldsOf(head: ResponseHead): string[]
  /** All have accepted: the response begins. */
  begin(head: ResponseHead, fields: string[]): void
  /**
   * It ends here: a plugin has refused, say.
   * @param isAsked whether plugins have been asked already about what goes to the client
   */
  fail(cause: unknown, isAsked?: boolean): void
  /** Whether the client takes nothing now. */
  readonly isBlocked: boolean
  /** No bytes are expected until `resumed`. */
  parked(): void
  resumed(): void
}

/**
 * A response on its way to its transaction, held while plugins look at its head: first as it came, then as it is to go.
 *
 * Life: waiting for a head -> held -> passing on; or -> abandoned. While it is held the connection is not read on; what of
 * the body was in the same read is kept, and so is the end of it.
 */
export class HeldResponse implements ResponseSink {
  readonly #inner: HeldSink
  readonly #hooks: TxnHooks
  readonly #connection: OriginConnection
  #state: 'open' | 'held' | 'abandoned' = 'open'
  readonly #body: Buffer[] = []
  #end: (() => void) | undefined
  #link: Link | undefined
  #isParked = false

  constructor(inner: HeldSink, hooks: TxnHooks, connection: OriginConnection) {
    this.#inner = inner
    this.#hooks = hooks
    this.#connection = connection
  }

  /** Whether plugins look at the head now: the connection must not be read on. */
  get isHolding(): boolean {
    return this.#state === 'held'
  }

  onInterim(head: ResponseHead): void {
    this.#inner.onInterim(head)
  }

  onHead(head: ResponseHead): void {
    this.#ask(
      head,
      changed => this.#inner.fieldsOf(changed),
      (changed, fields) => {
        this.#inner.begin(changed, fields)
        this.#release()
      },
    )
  }

  onBody(bytes: Buffer): 'written' | 'held' {
    if (this.#state === 'open') return this.#inner.onBody(bytes)
    if (this.#state === 'held') this.#body.push(Buffer.from(bytes)) // of what may be a little in much memory
    return 'written'
  }

  onPartial(): void {
    if (this.#state === 'open') this.#inner.onPartial()
  }

  onComplete(trailers: readonly string[]): void {
    if (this.#state === 'open') this.#inner.onComplete(trailers)
    else this.#end = () => this.#inner.onComplete(trailers)
  }

  /** While plugins look at the head, bytes of the link are stored here. */
  onUpgrade(head: ResponseHead, link: Link, first: Buffer): void {
    this.#link = link
    const ahead = new ReadAhead(link, () => {})
    this.#ask(
      head,
      changed => [...changed.headers],
      (changed, fields) => {
        this.#link = undefined
        this.#state = 'open'
        this.#inner.resumed()
        this.#inner.onUpgrade({ ...changed, headers: fields }, link, Buffer.concat([first, ...ahead.chunks]))
      },
    )
    if (this.#state === 'held') link.attach(ahead)
  }

  onDrain(): void {
    this.#inner.onDrain()
  }

  onFail(error: ProxyError, sawResponse: boolean): void {
    if (this.#state === 'abandoned') return
    this.#state = 'open'
    this.#inner.onFail(error, sawResponse)
  }

  /** The transaction is over. */
  abandon(): void {
    this.#state = 'abandoned'
    this.#body.length = 0
    this.#link?.destroy()
    this.#link = undefined
  }

  /** @param toFields what of the head goes to the client @param goOn called when all have accepted */
  #ask(
    head: ResponseHead,
    toFields: (head: ResponseHead) => string[],
    goOn: (head: ResponseHead, fields: string[]) => void,
  ): void {
    const { channel } = this.#connection
    this.#state = 'held'
    this.#inner.parked()
    const onSend =
      (changed: ResponseHead): OnAsked =>
      (why, fields) =>
        why === undefined ? goOn(changed, [...fields]) : this.#refuse(why, true)
    this.#hooks.readResponse(head.status, head.headers, channel, (why, headers) => {
      if (why !== undefined) return this.#refuse(why, false)
      const changed = headers === head.headers ? head : { ...head, headers }
      this.#hooks.sendResponse(head.status, toFields(changed), channel, onSend(changed))
    })
    if (this.#state !== 'held') return
    this.#isParked = true
    this.#connection.pause()
  }

  /** Not from within the parser, which a refusal closes. */
  #refuse(why: ProxyError, isAsked: boolean): void {
    queueMicrotask(() => {
      if (this.#state === 'held') this.#inner.fail(why, isAsked)
    })
  }

  #release(): void {
    this.#state = 'open'
    this.#inner.resumed()
    if (!this.#isParked) return
    for (const bytes of this.#body.splice(0)) this.#inner.onBody(bytes)
    const end = this.#end
    if (end !== undefined) return end()
    this.#inner.onPartial()
    if (!this.#inner.isBlocked) this.#connection.resume()
  }
}
