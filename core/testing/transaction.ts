import type { HeaderFields, TxnArgs } from '../api/transaction-hooks.js'
import type { VConn } from '../api/vconn.js'
import { accept } from '../api/verdict.js'
import type { ProxyError } from '../base/errors.js'
import type { HookPoints } from '../program/wiring/hook-points.js'
import type { VConns } from '../program/wiring/vconns.js'
import { settle as settlePeer, type VerifiedPeer } from '../tls/judge/verdict.js'
import { startConnection } from './connection.js'
import { KitHandshake, type TestHandshake, toOutcome } from './handshake.js'
import { type Origin, toEvidence } from './origin.js'
import type { Recorder } from './recorder.js'
import { type Fields, flatFields, type SealedMessage, sealedMessage, shownFields } from './sealed.js'
import { settle } from './virtual-time.js'

/** What a test says about a request. */
export interface TransactionFacts {
  /** Default: `GET`. */
  readonly method?: string
  /** Absolute; of a CONNECT, `host:port`. */
  readonly url: string
  /** The name under which the client has logged in. Default: undefined, none. */
  readonly user?: string
  /** The groups of that name. */
  readonly groups?: readonly string[]
  /** What the origin was accepted for: `origin.chain` and `origin.verified` of the events. Default: nothing, as of plain HTTP. */
  readonly origin?: Omit<Origin, 'host' | 'port' | 'client'>
}

/** A message for plugins. */
export interface TestMessage extends TestHandshake {
  /** The fields after the answer of the last plugin. */
  readonly headers: Pick<HeaderFields, 'get' | 'getAll' | 'entries'>
  /** After `sendRequest`: what the seals of plugins show to the origin alone. */
  readonly sealed: SealedMessage | undefined
}

/** A request and its response. The test decides when the plugins on each hook are asked. */
export interface TestTransaction {
  readonly args: Partial<TxnArgs>
  readRequest(fields?: Fields): Promise<TestMessage>
  sendRequest(fields?: Fields): Promise<TestMessage>
  readResponse(status: number, fields?: Fields): Promise<TestMessage>
  sendResponse(status: number, fields?: Fields): Promise<TestMessage>
  /** Ends it: TS_HTTP_TXN_CLOSE_HOOK, and the close hooks of its connections. */
  close(status?: number): Promise<void>
}

type Ask = Parameters<NonNullable<ReturnType<HookPoints['transactionOf']>>['readRequest']>[1]

/** Life: open -> closed. Its client and its origin do not exist. */
export class KitTransaction implements TestTransaction {
  readonly #vconns: VConns
  readonly #recorder: Recorder
  readonly #facts: Required<Pick<TransactionFacts, 'method' | 'url' | 'groups'>> & {
    readonly user: string | undefined
  }
  readonly #peer: Promise<VerifiedPeer | undefined>
  readonly #client: { readonly shown: VConn; close(): void }
  readonly #origin: { readonly shown: VConn; close(): void }
  readonly #hooks: ReturnType<HookPoints['transactionOf']>

  constructor(
    vconns: VConns,
    points: HookPoints,
    recorder: Recorder,
    folder: string,
    { method = 'GET', url, user, groups = [], origin }: TransactionFacts,
  ) {
    const target = method === 'CONNECT' ? new URL(`http://${url}`) : new URL(url)
    const port = Number(target.port || (target.protocol === 'https:' ? 443 : 80))
    const nobody = (): void => {}
    this.#vconns = vconns
    this.#recorder = recorder
    this.#facts = { method, url, user, groups }
    this.#peer =
      origin === undefined
        ? Promise.resolve(undefined)
        : toEvidence({ ...origin, host: bareHost(target.hostname) }, folder).then(evidence =>
            settlePeer(evidence, 'plugins', accept()),
          )
    this.#client = startConnection(vconns, { direction: 'inbound', host: '', port: 0 }, nobody)
    this.#origin = startConnection(vconns, { direction: 'outbound', host: target.hostname, port }, nobody)
    this.#hooks = points.transactionOf({ client: this.#client.shown, user, groups, method, url })
  }

  get args(): Partial<TxnArgs> {
    return this.#hooks?.args ?? {}
  }

  readRequest(fields: Fields = {}): Promise<TestMessage> {
    return this.#ask(this.#client.shown, fields, (flat, onAsked) => this.#hooks?.readRequest(flat, onAsked))
  }

  async sendRequest(fields: Fields = {}): Promise<TestMessage> {
    const channel = await this.#channel()
    const message = await this.#ask(channel.vconn, fields, (flat, onAsked) =>
      this.#hooks?.sendRequest(flat, channel, onAsked),
    )
    const { method, url } = this.#facts
    const { pathname, search } = new URL(url)
    const seals = this.#hooks?.seals
    // Plugins may seal until their turns are over.
    if (seals !== undefined)
      message.onSealed = () => {
        const headers = message.headers.entries().flat()
        return sealedMessage(seals, { method, path: pathname + search, headers, body: 'none' })
      }
    return message
  }

  async readResponse(status: number, fields: Fields = {}): Promise<TestMessage> {
    const channel = await this.#channel()
    return await this.#ask(channel.vconn, fields, (flat, onAsked) =>
      this.#hooks?.readResponse(status, flat, channel, onAsked),
    )
  }

  async sendResponse(status: number, fields: Fields = {}): Promise<TestMessage> {
    const { shown } = this.#client
    const channel = await this.#channel()
    return await this.#ask(shown, fields, (flat, onAsked) =>
      this.#hooks?.sendResponse(status, flat, channel, onAsked),
    )
  }

  async close(status = 200): Promise<void> {
    const facts = this.#facts
    const counts = { status, bytesUp: 0, bytesDown: 0, milliseconds: 0 }
    const rest = { clientAddress: '192.0.2.3', error: undefined, id: this.#hooks?.id, args: this.args }
    this.#hooks?.abandon()
    await this.#vconns.tell('TS_HTTP_TXN_CLOSE_HOOK', Object.freeze({ ...facts, ...counts, ...rest }))
    this.#origin.close()
    this.#client.close()
  }

  async #channel(): Promise<{ readonly vconn: VConn; readonly peer?: VerifiedPeer }> {
    const peer = await this.#peer
    const vconn = this.#origin.shown
    return peer === undefined ? { vconn } : { vconn, peer }
  }

  async #ask(
    vconn: VConn,
    fields: Fields,
    ask: (flat: readonly string[], onAsked: Ask) => unknown,
  ): Promise<KitMessage> {
    const flat = flatFields(fields)
    const message = new KitMessage(vconn, this.#recorder, flat, () => this.#hooks?.abandon())
    if (this.#hooks === undefined) message.answered(undefined, flat)
    else ask(flat, (why, headers) => message.answered(why, headers))
    await settle()
    return message
  }
}

class KitMessage extends KitHandshake implements TestMessage {
  headers: HeaderFields
  onSealed: () => SealedMessage | undefined = () => undefined

  constructor(vconn: VConn, recorder: Recorder, flat: readonly string[], abandon: () => void) {
    // The connection outlives the message.
    super({ shown: vconn, close: () => {} }, recorder.callsFor(vconn.id), abandon)
    this.headers = shownFields(flat)
  }

  get sealed(): SealedMessage | undefined {
    return this.onSealed()
  }

  answered(why: ProxyError | undefined, flat: readonly string[]): void {
    this.headers = shownFields(flat)
    const by = this.calls.length === 0 ? 'nobody' : 'plugins'
    this.end(why === undefined ? { kind: 'accepted', by } : toOutcome(why))
  }
}

/** As events have it: IPv6 without brackets. */
const bareHost = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1')
