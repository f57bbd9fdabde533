/** The two messages of a transaction as they are sent: the request to the origin, the response to the client. */

import { randomBytes } from 'node:crypto'
import { ProxyError } from '../../base/errors.js'
import { wordSet } from '../../base/text.js'
import { forwardedProtocols, requestFields, responseFields, type Scanned } from '../../http1/headers.js'
import { type RequestHead, type ResponseHead, requestBody } from '../../http1/messages.js'
import type { OriginConnection } from '../../origin/connection.js'
import type { ClientRequest } from '../listener/client-request.js'
import { toleratedStatus } from '../pages/replies.js'
import type { Pages } from '../pages/templates.js'
import { type ClientFieldSettings, withClientFields, withoutCookies } from './client-fields.js'
import type { RequestTarget } from './target.js'

/** Where Via is added: proxy.config.http.insert_request_via_str and insert_response_via_str. */
export interface ViaOptions {
  readonly inRequests: boolean
  readonly inResponses: boolean
}

/** Characters that a pseudonym must not have (RFC 9110 section 5.6.2). */
const NO_TOKEN = /[^!#$%&'*+.^_`|~0-9a-z-]/gi

/**
 * This proxy's entry in Via (RFC 9110 section 7.6.3). The proxy detects a request that it has sent itself by a random token
 * behind its name: two proxies with one name are no loop, and a loop is detected after a reload has changed the name.
 */
export class Via {
  readonly pseudonym: string
  readonly #options: ViaOptions
  readonly #token: string
  readonly #old: string
  readonly #current: string
  readonly #new: string

  constructor(
    name: string,
    options: ViaOptions = { inRequests: true, inResponses: true },
    token = randomBytes(4).toString('hex'),
  ) {
    this.#token = `-${token}`
    this.pseudonym = `${name.replace(NO_TOKEN, '-')}${this.#token}`
    this.#options = options
    this.#old = `1.0 ${this.pseudonym}`
    this.#current = `1.1 ${this.pseudonym}`
    this.#new = `2 ${this.pseudonym}`
  }

  /** The entry for a request that was received in this version of HTTP; undefined where none is added. */
  ofRequest(version: string): string | undefined {
    return this.#options.inRequests ? this.#entry(version) : undefined
  }

  /** The same for a response. */
  ofResponse(version: string): string | undefined {
    return this.#options.inResponses ? this.#entry(version) : undefined
  }

  /** Whether a message with this Via field has passed this proxy before. */
  isIn(field: string): boolean {
    return field.includes(this.#token)
  }

  #entry(version: string): string {
    if (version === '2') return this.#new
    return version === '1.0' ? this.#old : this.#current
  }
}

/**
 * The request as it is sent to the origin.
 * @param raw its fields, as plugins have changed them; `scanned` are the received ones
 * @param hops what Max-Forwards allows, this hop included; undefined where it sets no limit
 * @param hidesAlternatives proxy.config.http.alt_svc `strip`
 * @throws {ProxyError} when it cannot be forwarded: PTC_NOT_IMPLEMENTED, PTC_REQUEST_MALFORMED, PTC_LOOP_DETECTED
 */
export function outgoingRequest(
  req: ClientRequest,
  raw: readonly string[],
  scanned: Scanned,
  target: RequestTarget,
  hops: number | undefined,
  via: Via,
  clientFields?: ClientFieldSettings,
  hidesAlternatives = false,
): RequestHead {
  const { method, httpVersion, isUpgrade } = req
  if (scanned.via !== undefined && via.isIn(scanned.via))
    throw new ProxyError('PTC_LOOP_DETECTED', `the request has been here before: Via says ${via.pseudonym}`)
  const forwarded = requestFields(hidesAlternatives ? withoutAlternatives(raw) : raw, scanned, {
    authority: target.authority,
    via: via.ofRequest(httpVersion),
    upgrade: isUpgrade && scanned.upgrade !== undefined ? forwardedProtocols(scanned.upgrade) : undefined,
    maxForwards: hops === undefined ? undefined : hops - 1,
    ignoresExpect: httpVersion === '1.0',
  })
  const headers = clientFields ? withClientFields(forwarded, req.client, target, clientFields) : forwarded
  return { method, path: target.path, headers, body: requestBody(method, httpVersion, scanned.framing) }
}

/** Idempotent methods (RFC 9110 section 9.2.2) that the parser knows. */
const IDEMPOTENT = wordSet(`
  GET HEAD OPTIONS TRACE PUT DELETE PROPFIND REPORT SEARCH QUERY
`)

/**
 * Whether a request may be sent again when its idle connection turns out to be closed. A request with a body may not: the
 * part that was sent is not stored.
 */
export function isRepeatable({ method, body }: RequestHead): boolean {
  return (body === 'none' || body === 0) && IDEMPOTENT.has(method)
}

/**
 * The fields of a response for the client. Proxy-Status names failed certificate checks that were tolerated. Proxy-Support
 * tells the client that it may log in through this proxy (RFC 4559 section 6), where logins bind the connection.
 * @param connection the one that the response came on
 */
export function outgoingFields(
  req: ClientRequest,
  { version, status, headers }: ResponseHead,
  connection: OriginConnection | undefined,
  via: Via,
  clientFields?: ClientFieldSettings,
  pages?: Pages,
): string[] {
  const peer = connection?.channel.peer
  const isChunked = req.httpVersion !== '1.0' && req.method !== 'HEAD'
  const own = clientFields ? withoutCookies(headers, clientFields) : headers
  const fields = responseFields(own, status, isChunked, via.ofResponse(version))
  const tolerated = peer?.tolerated.length ? toleratedStatus(peer, pages) : undefined
  if (tolerated !== undefined) fields.push('Proxy-Status', tolerated)
  if (status === 401 && connection?.owner !== undefined && req.client.origin === undefined)
    fields.push('Proxy-Support', 'Session-Based-Authentication', 'Connection', 'Proxy-Support')
  return fields
}

/** In responses and in their trailers. */
const OFFER = 'alt-svc'
/** In requests: the alternative that the client uses. */
const USE = 'alt-used'

/**
 * Removes what is about alternative services (RFC 7838): an origin names another host, port or protocol, such as HTTP/3,
 * under which a client may reach it. A client that follows it goes round the proxy, or comes back with what the proxy has not
 * judged.
 * @param fields names and values in turn
 */
export function withoutAlternatives<T extends readonly string[]>(fields: T): T | string[] {
  let kept: string[] | undefined
  for (let i = 0; i < fields.length; i += 2) {
    const [name = '', value = ''] = [fields[i], fields[i + 1]]
    if (isAlternative(name)) kept ??= fields.slice(0, i)
    else kept?.push(name, value)
  }
  return kept ?? fields
}

/** The length rules most names out before a string in lower case is made. */
function isAlternative(name: string): boolean {
  if (name.length !== OFFER.length && name.length !== USE.length) return false
  const field = name.toLowerCase()
  return field === OFFER || field === USE
}
