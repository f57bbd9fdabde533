import { ProxyError } from '../../core/base/errors.js'
import { ClientConnection } from '../../core/http/listener/client-connection.js'
import type { ClientHost, Drainable, ListenerLimits } from '../../core/http/listener/client-host.js'
import { ClientInfo } from '../../core/http/listener/client-info.js'
import type { ClientReply } from '../../core/http/listener/client-reply.js'
import type { ClientRequest } from '../../core/http/listener/client-request.js'
import type { ClientLink } from '../../core/vconn/link.js'
import { FakeLink } from './fake-link.js'
import { HTTP2_LIMITS } from './http2-client.js'
import { CLIENT } from './quiet-points.js'

/** A client's link whose other end is the test. */
export class FakeClientLink extends FakeLink implements ClientLink {
  isHolding = false
  bytesWritten = 0
  wasReset = false

  override write(bytes: Uint8Array): boolean {
    this.bytesWritten += bytes.length
    return super.write(bytes)
  }

  reset(): void {
    this.wasReset = true
    this.destroy()
  }

  /** The client sends. */
  receive(text: string): void {
    this.sink?.onData(Buffer.from(text, 'latin1'))
  }
}

export const clientOf = (link: ClientLink): ClientInfo =>
  new ClientInfo({ once: () => undefined }, link, CLIENT)

/** A port whose clients are fake: what reaches it is written down, and answered by `answer`. */
export class FakeHost implements ClientHost {
  inForce: ListenerLimits = {
    maxHeaderBytes: 16_384,
    headersTimeout: 1000,
    requestTimeout: 0,
    keepAliveTimeout: 1000,
    http2: HTTP2_LIMITS,
  }
  readonly limits = (): ListenerLimits => this.inForce
  readonly keepAliveLines = (): string => 'Connection: keep-alive\r\n'
  isDraining = false
  readonly requests: { readonly request: ClientRequest; readonly reply: ClientReply }[] = []
  readonly errors: string[] = []
  left: Drainable[] = []
  readonly #answer: (request: ClientRequest, reply: ClientReply) => void

  constructor(answer: (request: ClientRequest, reply: ClientReply) => void = () => {}) {
    this.#answer = answer
  }

  /** A client that has connected. */
  connect(link = new FakeClientLink()): FakeClientLink {
    new ClientConnection(link, clientOf(link), this).start()
    return link
  }

  onRequest(request: ClientRequest, reply: ClientReply): void {
    this.requests.push({ request, reply })
    this.#answer(request, reply)
  }

  onBad(error: ProxyError, link: ClientLink): void {
    this.errors.push(error.code)
    link.destroy()
  }

  onCutOff(error: ProxyError): void {
    this.errors.push(error.code)
  }

  onLeft(connection: Drainable): void {
    this.left.push(connection)
  }

  /** The latest. */
  get last(): { readonly request: ClientRequest; readonly reply: ClientReply } {
    const last = this.requests.at(-1)
    if (last === undefined) throw new ProxyError('PTC_INTERNAL', 'no request has come')
    return last
  }
}

export const answerOk = (_request: ClientRequest, reply: ClientReply): void =>
  reply.sendAll(200, 'OK', ['Content-Length', '2'], Buffer.from('ok'))
