import { HeaderList } from '../api/header-list.js'
import type { HeaderFields } from '../api/transaction-hooks.js'
import { ProxyError } from '../base/errors.js'
import type { HookPoints } from '../program/wiring/hook-points.js'

type Seals = NonNullable<ReturnType<HookPoints['transactionOf']>>['seals']
type RequestHead = Parameters<Seals['requestOf']>[0]
type ResponseSink = Parameters<Seals['around']>[0]
type ResponseHead = Parameters<ResponseSink['onHead']>[0]

/** Header fields as a test writes them. */
export type Fields = Readonly<Record<string, string | readonly string[]>>

type Shown = Pick<HeaderFields, 'get' | 'getAll' | 'entries'>

/** What an origin sends. */
export interface TestResponseWanted {
  /** Default 200. */
  readonly status?: number
  readonly reason?: string
  readonly fields?: Fields
  /** The pieces in which the body comes; characters of strings are bytes. */
  readonly body?: readonly (string | Uint8Array)[]
  readonly trailers?: Fields
}

/** A response as it has left the seals. */
export interface TestResponse {
  readonly reason: string
  readonly headers: Shown
  readonly body: Buffer
  readonly trailers: Shown
}

/** What the seals of plugins make of one request and its response. */
export interface SealedMessage {
  /** The path and the query, and the fields, as the origin gets them. */
  readonly path: string
  readonly headers: Shown
  /** Shows a piece of the request's body. @throws {ProxyError} when a plugin refuses it */
  sendBody(bytes: string | Uint8Array): void
  /** Sends a response through the seals. @throws {ProxyError} when a seal refuses it */
  respond(response?: TestResponseWanted): TestResponse
}

export const flatFields = (fields: Fields): string[] =>
  Object.entries(fields).flatMap(([name, value]) => [value].flat().flatMap(one => [name, one]))

export const shownFields = (flat: readonly string[]): HeaderFields =>
  new HeaderList(flat).view({ isOpen: false })

const toBytes = (piece: string | Uint8Array): Buffer =>
  typeof piece === 'string' ? Buffer.from(piece, 'latin1') : Buffer.from(piece)

export function sealedMessage(seals: Seals, request: RequestHead): SealedMessage {
  const { path, headers } = seals.requestOf(request)
  return {
    path,
    headers: shownFields(headers),
    sendBody: bytes => seals.checkBody(toBytes(bytes)),
    respond: ({ status = 200, reason = 'OK', fields = {}, body = [], trailers = {} } = {}) => {
      const received = new Received()
      const sink = seals.around(received)
      sink.onHead({ version: '1.1', status, reason, headers: flatFields(fields) })
      for (const piece of body) sink.onBody(toBytes(piece))
      sink.onComplete(flatFields(trailers))
      return received.response()
    },
  }
}

/** What has come out of the seals. */
class Received implements ResponseSink {
  readonly #body: Buffer[] = []
  #head: ResponseHead | undefined
  #trailers: readonly string[] = []
  #error: ProxyError | undefined

  onInterim(): void {}
  onPartial(): void {}
  onDrain(): void {}
  onUpgrade(): void {}

  onHead(head: ResponseHead): void {
    this.#head = head
  }

  onBody(bytes: Buffer): 'written' {
    this.#body.push(Buffer.from(bytes))
    return 'written'
  }

  onComplete(trailers: readonly string[]): void {
    this.#trailers = trailers
  }

  onFail(error: ProxyError): void {
    this.#error = error
  }

  response(): TestResponse {
    if (this.#error !== undefined) throw this.#error
    if (this.#head === undefined) throw new ProxyError('PTC_INTERNAL', 'a response without a head')
    const { reason, headers } = this.#head
    return {
      reason,
      headers: shownFields(headers),
      body: Buffer.concat(this.#body),
      trailers: shownFields(this.#trailers),
    }
  }
}
