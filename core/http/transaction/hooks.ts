// Longer than 250 lines because what plugins may do to a transaction, at all of its hooks, is one concept.
import { HeaderList } from '../../api/header-list.js'
import type { Seal } from '../../api/seal.js'
import type {
  HeaderFields,
  ReadRequestEvent,
  ReadResponseEvent,
  SendRequestEvent,
  SendResponseEvent,
  TxnArgs,
  TxnEvent,
  TxnOrigin,
} from '../../api/transaction-hooks.js'
import type { VConn } from '../../api/vconn.js'
import { accessor } from '../../base/accessor.js'
import { atEdge } from '../../base/edge.js'
import { type ErrorCode, ProxyError } from '../../base/errors.js'
import type { Channel } from '../../origin/connection.js'
import { Hold, type HoldPoint } from '../../wait/hold.js'
import { refused } from '../../wait/refusal.js'
import type { Turn } from '../../wait/turn.js'
import { TurnEvent } from '../../wait/turn-event.js'
import type { ClientRequest } from '../listener/client-request.js'
import { Seals } from './seals.js'
import type { HookedTxn } from './summary.js'

/** The plugins on the hooks of transactions; undefined where none is on a hook. */
export interface TxnPoints {
  readonly readRequest: HoldPoint<ReadRequestEvent> | undefined
  readonly sendRequest: HoldPoint<SendRequestEvent> | undefined
  readonly readResponse: HoldPoint<ReadResponseEvent> | undefined
  readonly sendResponse: HoldPoint<SendResponseEvent> | undefined
  /** Called for each transaction that they may be asked about; what it returns is called when they will not be any more. */
  readonly enter?: (() => () => void) | undefined
}

/** What of a connection to an origin plugins are shown. */
type OriginSide = Pick<Channel, 'vconn' | 'peer'>

/** Is called with the plugins' answer and the fields: the same list object if no plugin has changed it. */
export type OnAsked = (why: ProxyError | undefined, headers: readonly string[]) => void

/** What is the same at all hooks of a transaction. */
export interface TxnFacts extends Pick<ClientRequest, 'user' | 'groups'> {
  readonly client: VConn
  readonly method: string
  readonly url: string
}

let lastId = 0

/**
 * What plugins have to do with one transaction, made only if there are some. One wait at a time; `abandon` ends it
 * unheard.
 *
 * Life: made -> begun -> over.
 */
export class TxnHooks {
  readonly id: number
  readonly points: TxnPoints
  readonly args: Partial<TxnArgs>
  readonly #facts: TxnFacts
  #holds: { abandon(): void }[] = []
  #seals = new Seals()
  #leave: (() => void) | undefined

  /** @param same the transaction that this is a part of, if it has begun */
  constructor(points: TxnPoints, facts: TxnFacts, same?: HookedTxn) {
    this.id = same?.id ?? ++lastId
    this.args = same?.args ?? Object.create(null)
    this.points = points
    this.#facts = facts
  }

  static of(
    points: TxnPoints,
    { client: { vconn: client }, user, groups }: ClientRequest,
    method: string,
    url: string,
    same?: HookedTxn,
  ): TxnHooks {
    if (client === undefined) throw new ProxyError('PTC_INTERNAL', 'a request of a client without a VConn')
    return new TxnHooks(points, { client, user, groups, method, url }, same)
  }

  /** From here on plugins may be asked; `over` ends that. What they belong to is kept as long. */
  begin(): void {
    this.#leave ??= this.points.enter?.()
  }

  over(): void {
    this.#leave?.()
  }

  readRequest(headers: readonly string[], onAsked: OnAsked): void {
    const { readRequest: point } = this.points
    if (point === undefined) return onAsked(undefined, headers)
    this.#ask(
      point,
      REQUEST,
      { vconn: this.#facts.client, origin: undefined, headers, status: undefined },
      onAsked,
    )
  }

  sendRequest(headers: readonly string[], channel: OriginSide, onAsked: OnAsked): void {
    const { sendRequest: point } = this.points
    if (point === undefined) return onAsked(undefined, headers)
    const origin = originOf(channel)
    const seals = new Seals()
    this.#seals = seals
    this.#ask(point, REQUEST, { vconn: origin.vconn, origin, headers, status: undefined, seals }, onAsked)
  }

  /** What plugins have sealed of the request that they were asked about last. */
  get seals(): Seals {
    return this.#seals
  }

  readResponse(status: number, headers: readonly string[], channel: OriginSide, onAsked: OnAsked): void {
    const { readResponse: point } = this.points
    if (point === undefined) return onAsked(undefined, headers)
    const origin = originOf(channel)
    this.#ask(point, RESPONSE, { vconn: origin.vconn, origin, headers, status }, onAsked)
  }

  sendResponse(
    status: number,
    headers: readonly string[],
    channel: OriginSide | undefined,
    onAsked: OnAsked,
  ): void {
    const { sendResponse: point } = this.points
    if (point === undefined) return onAsked(undefined, headers)
    const origin = channel?.vconn === undefined ? undefined : originOf(channel)
    this.#ask(point, RESPONSE, { vconn: this.#facts.client, origin, headers, status }, onAsked)
  }

  /** Whether plugins look at responses. */
  get looksAtResponses(): boolean {
    return this.points.readResponse !== undefined || this.points.sendResponse !== undefined
  }

  /** Ends all waits: no result is wanted any more. */
  abandon(): void {
    const holds = this.#holds
    this.#holds = []
    for (const hold of holds) hold.abandon()
  }

  /** @typeParam E what of a {@link RequestTurn} the hook has: `message` says it all */
  #ask<E extends TxnEvent>(
    point: HoldPoint<E>,
    { code, what }: Kind,
    message: Message,
    onAsked: OnAsked,
  ): void {
    const facts = this.#facts
    const { headers } = message
    const list = new HeaderList(headers)
    const hold = new Hold<E>(
      point,
      { vconn: message.vconn, about: `${facts.method} ${facts.url}` },
      // What a plugin in shadow mode changes or seals, it changes on a copy.
      (turn, isShadow) => {
        const seen = isShadow && message.seals !== undefined ? { ...message, seals: new Seals() } : message
        return eventOf(turn, this, facts, seen, isShadow ? new HeaderList(headers) : list) as E
      },
      refusal => {
        const fields = list.isChanged ? list.flat : headers
        // Plugins and timers call it: what goes wrong behind it is this transaction's end, and not theirs to catch.
        atEdge(
          `what follows on a plugin's answer`,
          () => onAsked(refusal && refused(code, what, refusal), fields),
          why => onAsked(why, headers),
        )
      },
    )
    this.#holds.push(hold)
    hold.start()
    if (!hold.isParked) this.#holds.splice(this.#holds.indexOf(hold), 1)
  }
}

/** What a plugin receives of a request: the fields are read when it asks for them. */
class RequestTurn extends TurnEvent implements TxnEvent {
  readonly id: number
  readonly client: VConn
  readonly user: string | undefined
  readonly groups: readonly string[]
  readonly origin: TxnOrigin | undefined
  readonly method: string
  readonly url: string
  readonly args: Partial<TxnArgs>
  declare readonly headers: HeaderFields
  readonly #turn: Turn
  readonly #list: HeaderList
  #headers: HeaderFields | undefined

  static readonly #fields = accessor((event: RequestTurn) => {
    event.#headers ??= event.#list.view(event.#turn)
    return event.#headers
  })

  constructor(
    turn: Turn,
    { id, args }: TxnHooks,
    { client, user, groups, method, url }: TxnFacts,
    { origin }: Message,
    list: HeaderList,
  ) {
    super(turn)
    this.id = id
    this.client = client
    this.user = user
    this.groups = groups
    this.origin = origin
    this.method = method
    this.url = url
    this.args = args
    this.#turn = turn
    this.#list = list
    Object.defineProperty(this, 'headers', RequestTurn.#fields)
  }
}

/** The same of a request that is about to leave. */
class SendRequestTurn extends RequestTurn {
  readonly seal: (seal: Seal) => void

  constructor(seals: Seals, ...rest: ConstructorParameters<typeof RequestTurn>) {
    super(...rest)
    const [turn] = rest
    this.seal = seal => {
      if (!turn.isOpen) throw new ProxyError('PTC_PLUGIN_CALL', 'seal: the turn of the plugin is over')
      seals.add(turn.plugin, seal)
    }
  }
}

/** The same of a response. */
class ResponseTurn extends RequestTurn {
  readonly status: number

  constructor(status: number, ...rest: ConstructorParameters<typeof RequestTurn>) {
    super(...rest)
    this.status = status
  }
}

function eventOf(...all: ConstructorParameters<typeof RequestTurn>): TxnEvent {
  const { status, seals } = all[3]
  if (seals !== undefined) return Object.freeze(new SendRequestTurn(seals, ...all))
  return Object.freeze(status === undefined ? new RequestTurn(...all) : new ResponseTurn(status, ...all))
}

/** What a refusal is called. */
interface Kind {
  readonly code: ErrorCode
  readonly what: string
}

const REQUEST: Kind = { code: 'PTC_PLUGIN_REFUSED_REQUEST', what: 'the request' }
const RESPONSE: Kind = { code: 'PTC_PLUGIN_REFUSED_RESPONSE', what: 'the response' }

/** What plugins are asked about at one hook. */
interface Message {
  readonly vconn: VConn
  readonly origin: TxnOrigin | undefined
  readonly headers: readonly string[]
  /** The status of a response. */
  readonly status: number | undefined
  /** The seals of a request that is about to leave. */
  readonly seals?: Seals
}

function originOf({ vconn, peer }: OriginSide): TxnOrigin {
  if (vconn === undefined) throw new ProxyError('PTC_INTERNAL', 'a connection to an origin without a VConn')
  const verified = peer?.decidedBy === 'nobody' ? undefined : peer?.evidence
  return Object.freeze({ vconn, chain: peer?.evidence.chain ?? [], verified })
}
