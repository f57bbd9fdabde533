import type { IncomingHttpHeaders } from 'node:http'
import type { Asking, AskingTransaction } from '../../api/asking.js'
import { authorityText } from '../../base/authority.js'
import type { ProxyError } from '../../base/errors.js'
import { fieldEntries, fieldValue } from '../../base/fields.js'
import { wordSet } from '../../base/text.js'
import type { BodySink, ReceivedHead } from '../../http1/request-reader.js'
import type { ClientLink } from '../../vconn/link.js'
import type { Pages } from '../pages/templates.js'
import type { ClientInfo, Clocks } from './client-info.js'
import { type Identity, NO_GROUPS } from './identity.js'

/** Reads a request's body. */
export interface BodyReader {
  /** The reader may keep the bytes. A few more may come after a `pause`. */
  onBody(bytes: Buffer): void
  /** The body is complete, trailers included. */
  onBodyEnd(): void
}

/** What of a request its refusal depends on. */
export interface Refusable {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
}

/** What a client is answered, in the protocol in which it has asked for a tunnel. */
export interface ConnectAnswers {
  /** Says that the tunnel is open. */
  readonly establish: (link: ClientLink) => void
  /** Answers, and ends the connection. */
  readonly refuse: (req: Refusable, link: ClientLink, error: ProxyError, pages?: Pages) => void
}

/** A connection that is no longer HTTP's. */
export interface HandedOver {
  readonly link: ClientLink
  /** The bytes behind the request. */
  readonly early: Buffer
  /** How a CONNECT is answered; absent where that is bytes of HTTP/1.1. */
  readonly answers?: ConnectAnswers
}

/** The connection of a request, as the request uses it. */
export interface BodySource {
  /** Begins or continues to read the body. */
  flow(): void
  /** Pauses reading. */
  halt(): void
  /** Hands the connection over, with the bytes behind the request. The request's reply is unusable from then on. */
  handOver(): HandedOver
}

/**
 * A request as a client sent it.
 *
 * Life of its body: waiting -> read, with pauses -> complete. While it waits, little more is read from the client.
 */
export class ClientRequest implements BodySink {
  readonly client: ClientInfo
  readonly method: string
  /** The request-target as received, without name and password. */
  readonly url: string
  /** `1.1`, `1.0`, `2`, or a version that is refused. */
  readonly httpVersion: string
  /** Names and values in turn, as received, each byte one character. Credentials of the URL are among them. */
  readonly rawHeaders: readonly string[]
  rawTrailers: readonly string[] = []
  /** Asks for another protocol, and ends where that protocol would begin. */
  readonly isUpgrade: boolean
  /** Time its transaction. Requests that follow one another on a connection share them. */
  readonly clocks: Clocks
  readonly #source: BodySource
  #headers: IncomingHttpHeaders | undefined
  #reader: BodyReader | undefined
  #isPaused = false
  #isComplete = false
  #identity: Identity | undefined
  #shownHeaders: readonly string[] | undefined

  constructor(client: ClientInfo, source: BodySource, received: ReceivedHead, clocks: Clocks = client) {
    const head = withoutUrlCredentials(received)
    this.client = client
    this.#source = source
    this.method = head.method
    this.url = head.url
    this.httpVersion = head.httpVersion
    this.rawHeaders = head.rawHeaders
    this.isUpgrade = head.isUpgrade
    this.clocks = clocks
  }

  /** By names in lower case. Values of repeated fields are joined; of a field that is single by definition the first counts. */
  get headers(): IncomingHttpHeaders {
    this.#headers ??= byName(this.rawHeaders)
    return this.#headers
  }

  /** The fields for plugins: `rawHeaders` without the credentials by which the proxy has admitted the request. */
  get shownHeaders(): readonly string[] {
    if (this.#identity === undefined || fieldValue(this.rawHeaders, CREDENTIALS) === undefined)
      return this.rawHeaders
    this.#shownHeaders ??= fieldEntries(this.rawHeaders)
      .filter(([name]) => name.toLowerCase() !== CREDENTIALS)
      .flat()
    return this.#shownHeaders
  }

  /** The identity under which the proxy admitted the request, or the CONNECT around it. */
  get identity(): Identity | undefined {
    return this.#identity ?? this.client.identity
  }

  get user(): string | undefined {
    return this.identity?.user
  }

  get groups(): readonly string[] {
    return this.identity?.groups ?? NO_GROUPS
  }

  /**
   * The client has proved its identity to the proxy. Requests inside a bumped tunnel are those of its CONNECT's client.
   * @param identity undefined: what it has proved counts no more
   */
  admitAs(identity: Identity | undefined): void {
    this.#identity = identity
  }

  /** The client and the transaction that ask for an origin, for plugins. */
  asking(transaction: AskingTransaction): Asking {
    const { remoteAddress = '', localAddress = '', localPort = 0, shown } = this.client
    const client = Object.freeze({
      address: remoteAddress,
      port: authorityText(localAddress, localPort),
      user: this.user,
      groups: this.groups,
      subject: shown?.certificate.subject,
    })
    return { client, transaction: Object.freeze(transaction) }
  }

  /** Whether the whole body has come. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Begins to read the body, or replaces its reader. */
  read(reader: BodyReader): void {
    this.#reader = reader
    this.#isPaused = false
    if (this.#isComplete) reader.onBodyEnd()
    else this.#source.flow()
  }

  pause(): void {
    if (this.#isPaused || this.#isComplete) return
    this.#isPaused = true
    this.#source.halt()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#source.flow()
  }

  /** Takes the connection over for another protocol. */
  takeOver(): HandedOver {
    const taken = this.#source.handOver()
    // Not before: other requests of this client may have other logins.
    if (this.method === 'CONNECT' && this.#identity !== undefined) this.client.identity = this.#identity
    return taken
  }

  /** For the connection: bytes of the body. */
  deliver(bytes: Buffer): void {
    this.#reader?.onBody(bytes)
  }

  /** For the connection: the body is complete. */
  complete(trailers: readonly string[]): void {
    this.rawTrailers = trailers
    this.#isComplete = true
    this.#isPaused = false
    this.#reader?.onBodyEnd()
  }
}

const CREDENTIALS = 'proxy-authorization'

/** Single fields: the first one counts, as in node:http. */
const SINGLE = wordSet(`
  age authorization content-length content-type etag expires from host if-modified-since if-unmodified-since
  last-modified location max-forwards proxy-authorization referer retry-after server user-agent
`)

function byName(raw: readonly string[]): IncomingHttpHeaders {
  const found: Record<string, string> = Object.create(null)
  for (const [field, value] of fieldEntries(raw)) {
    const name = field.toLowerCase()
    const before = found[name]
    if (before === undefined) found[name] = value
    else if (!SINGLE.has(name)) found[name] = `${before}${name === 'cookie' ? '; ' : ', '}${value}`
  }
  return found
}

/** Scheme, user information up to the last `@` of the authority, and the rest of an absolute URL. */
const WITH_USER = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#\\]*)@(.*)$/is

/**
 * Takes name and password out of a URL, as programs send them that were given `http://name:password@host/`. They become a
 * Basic Authorization field (RFC 7617) unless the client has sent one. Nothing behind this function sees them in a URL: no
 * origin, plugin, page or log. Other targets stay, and `name@host` is refused where only a host may stand, but for a Host
 * field that repeats the authority of the URL with them, as Python's urllib sends it.
 */
export function withoutUrlCredentials(head: ReceivedHead): ReceivedHead {
  if (!head.url.includes('@') || head.method === 'CONNECT') return head
  const [, scheme, user, rest] = WITH_USER.exec(head.url) ?? []
  if (scheme === undefined || user === undefined || rest === undefined) return head
  const url = `${scheme}${rest}`
  const rawHeaders = withoutHostCredentials(head.rawHeaders, user, rest)
  if (/^:?$/.test(user) || fieldValue(rawHeaders, 'authorization') !== undefined)
    return { ...head, url, rawHeaders } // seldom
  const credentials = decoded(user.includes(':') ? user : `${user}:`)
  const authorization = `Basic ${Buffer.from(credentials, 'latin1').toString('base64')}`
  return { ...head, url, rawHeaders: [...rawHeaders, 'Authorization', authorization] } // seldom
}

/** A Host field may repeat the authority of the URL: as it stands, or decoded. No other `@` is taken out of it. */
function withoutHostCredentials(fields: readonly string[], user: string, rest: string): readonly string[] {
  const [authority = ''] = /^[^/?#\\]*/.exec(rest) ?? []
  const repeated = [user, decoded(user)].map(text => `${text}@${authority}`)
  const isRepeated = (text: string, i: number): boolean =>
    i % 2 === 1 && fields[i - 1]?.toLowerCase() === 'host' && repeated.includes(text)
  return fields.map((text, i) => (isRepeated(text, i) ? authority : text))
}

/** Each byte is one character. A percent sign that encodes nothing stands for itself. */
const decoded = (text: string): string =>
  text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
