import { HeaderList } from '../api/header-list.js'
import type {
  ReadRequestEvent,
  ReadResponseEvent,
  SendRequestEvent,
  SendResponseEvent,
  TxnArgs,
  TxnEvent,
  TxnOrigin,
} from '../api/transaction-hooks.js'
import type { VConn } from '../api/vconn.js'
import { type ErrorCode, ProxyError } from '../base/errors.js'
import type { Channel } from '../origin/channel.js'
import { Hold, type HoldPoint } from '../vconn/hold.js'
import { refused } from '../vconn/plugin-refused.js'
import type { ClientInfo } from './client-info.js'

/** The plugins on the hooks of transactions; undefined where none is on a hook. */
export interface TxnPoints {
  readonly readRequest: HoldPoint<ReadRequestEvent> | undefined
  readonly sendRequest: HoldPoint<SendRequestEvent> | undefined
  readonly readResponse: HoldPoint<ReadResponseEvent> | undefined
  readonly sendResponse: HoldPoint<SendResponseEvent> | undefined
}

/** What of a connection to an origin plugins are shown. */
type OriginSide = Pick<Channel, 'vconn' | 'peer'>

/** Hears what plugins have said, and the fields as they have left them: the very list that was handed in if unchanged. */
export type OnAsked = (why: ProxyError | undefined, headers: readonly string[]) => void

/** What is the same at all hooks of a transaction. */
export interface TxnFacts {
  readonly client: VConn
  readonly method: string
  readonly url: string
}

let lastId = 0

/**
 * What plugins have to do with one transaction, made only if there are some. One wait at a time; `abandon` ends it
 * unheard, and those of plugins in shadow mode.
 */
export class TxnHooks {
  readonly id = ++lastId
  readonly points: TxnPoints
  readonly args: Partial<TxnArgs> = Object.create(null)
  readonly #facts: TxnFacts
  #holds: { abandon(): void }[] = []

  constructor(points: TxnPoints, facts: TxnFacts) {
    this.points = points
    this.#facts = facts
  }

  static of(points: TxnPoints, { vconn: client }: ClientInfo, method: string, url: string): TxnHooks {
    if (client === undefined) throw new ProxyError('PTC_INTERNAL', 'a request of a client without a VConn')
    return new TxnHooks(points, { client, method, url })
  }

  readRequest(headers: readonly string[], onAsked: OnAsked): void {
    const { readRequest: point } = this.points
    if (point === undefined) return onAsked(undefined, headers)
    const make = (event: TxnEvent): ReadRequestEvent => event
    this.#ask(
      point,
      this.#facts.client,
      undefined,
      headers,
      make,
      'PTC_PLUGIN_REFUSED_REQUEST',
      'the request',
      onAsked,
    )
  }

  sendRequest(headers: readonly string[], channel: OriginSide, onAsked: OnAsked): void {
    const { sendRequest: point } = this.points
    if (point === undefined) return onAsked(undefined, headers)
    const origin = originOf(channel)
    const make = (event: TxnEvent): SendRequestEvent => ({ ...event, origin })
    this.#ask(
      point,
      origin.vconn,
      origin,
      headers,
      make,
      'PTC_PLUGIN_REFUSED_REQUEST',
      'the request',
      onAsked,
    )
  }

  readResponse(status: number, headers: readonly string[], channel: OriginSide, onAsked: OnAsked): void {
    const { readResponse: point } = this.points
    if (point === undefined) return onAsked(undefined, headers)
    const origin = originOf(channel)
    const make = (event: TxnEvent): ReadResponseEvent => ({ ...event, origin, status })
    this.#ask(
      point,
      origin.vconn,
      origin,
      headers,
      make,
      'PTC_PLUGIN_REFUSED_RESPONSE',
      'the response',
      onAsked,
    )
  }

  sendResponse(
    status: number,
    headers: readonly string[],
    channel: OriginSide | undefined,
    onAsked: OnAsked,
  ): void {
    const { sendResponse: point } = this.points
    if (point === undefined) return onAsked(undefined, headers)
    const make = (event: TxnEvent): SendResponseEvent => ({ ...event, status })
    const origin = channel?.vconn === undefined ? undefined : originOf(channel)
    const { client } = this.#facts
    this.#ask(point, client, origin, headers, make, 'PTC_PLUGIN_REFUSED_RESPONSE', 'the response', onAsked)
  }

  /** Nobody wants to know any more. */
  abandon(): void {
    const holds = this.#holds
    this.#holds = []
    for (const hold of holds) hold.abandon()
  }

  #ask<E extends TxnEvent>(
    point: HoldPoint<E>,
    vconn: VConn,
    origin: TxnOrigin | undefined,
    headers: readonly string[],
    make: (event: TxnEvent) => E,
    code: ErrorCode,
    what: string,
    onAsked: OnAsked,
  ): void {
    const { client, method, url } = this.#facts
    const list = new HeaderList(headers)
    const hold = new Hold<E>(
      point,
      { vconn, about: `${method} ${url}` },
      (parked, turn, isShadow) => {
        // What a plugin in shadow mode changes is changed on a copy.
        const view = (isShadow ? new HeaderList(headers) : list).view(turn)
        const { id, args } = this
        return Object.freeze(make({ ...parked, id, client, origin, method, url, headers: view, args }))
      },
      refusal => onAsked(refusal && refused(code, what, refusal), list.isChanged ? list.flat : headers),
    )
    this.#holds.push(hold)
    hold.start()
  }
}

function originOf({ vconn, peer }: OriginSide): TxnOrigin {
  if (vconn === undefined) throw new ProxyError('PTC_INTERNAL', 'a connection to an origin without a VConn')
  return Object.freeze({ vconn, chain: peer?.evidence.chain ?? [] })
}
