import type { Current } from '../base/current.js'
import { ProxyError } from '../base/errors.js'

/**
 * Decides which client a connection to an origin may serve. One that was accepted for a client serves that client alone. Another may serve any client until a request or a response names a scheme that
 * authenticates the connection; from then on it belongs to the client of that request, until it is closed.
 */
export class ConnectionLogin {
  readonly #options: Current<{ readonly hasPrivateLogins: boolean }>
  readonly #acceptedFor: ConnectionOwner | undefined
  /** The client of the request in flight. */
  #client: ConnectionOwner | undefined
  #owner: ConnectionOwner | undefined
  /** The origin has answered since there is an owner. */
  #isKnown = false

  /** @param acceptedFor the only client for which plugins have accepted the origin */
  constructor(options: Current<{ readonly hasPrivateLogins: boolean }>, acceptedFor?: ConnectionOwner) {
    this.#options = options
    this.#acceptedFor = acceptedFor
  }

  /** The only client that the connection may serve; undefined: it may serve any. */
  get owner(): ConnectionOwner | undefined {
    return this.#acceptedFor ?? this.#loggedIn
  }

  get #loggedIn(): ConnectionOwner | undefined {
    return this.#options().hasPrivateLogins ? this.#owner : undefined
  }

  /** Whether the end of the connection ends a login: the origin has answered since there is an owner. */
  get isKnown(): boolean {
    return this.#isKnown && this.#loggedIn !== undefined
  }

  /**
   * Called before each request is sent.
   * @throws {ProxyError} PTC_INTERNAL when the connection belongs to another client
   */
  request(fields: readonly string[], client: ConnectionOwner): void {
    if (this.owner !== undefined && this.owner !== client)
      throw new ProxyError('PTC_INTERNAL', 'a request on a connection that is for another client')
    this.#client = client
    this.#look(fields)
  }

  /** Called with the fields of each response head, interim ones included, and with the trailers. */
  response(fields: readonly string[]): void {
    this.#look(fields)
    this.#isKnown = this.#owner !== undefined
  }

  /** The response is complete. */
  over(): void {
    this.#client = undefined
  }

  /** Tells the owner that the connection has ended, or ends with this response. */
  lost(): void {
    if (this.isKnown) this.#owner?.loginLost()
  }

  #look(fields: readonly string[]): void {
    if (this.#client !== undefined && this.#owner !== this.#client && bindsConnection(fields))
      this.#owner = this.#client
  }
}

/**
 * Logins that bind a connection. NTLM and Negotiate (RFC 4559) authenticate the connection, not the request: what follows
 * on it without credentials is served as the user that has logged in. A field that names such a scheme, in a request or
 * in a response, makes the connection private to one client.
 *
 * The list below is of schemes whose specification has every request carry its own credentials. A scheme that is not on
 * it binds the connection: a wrong guess on this side costs a handshake, on the other side an identity. A field that cannot
 * be parsed counts as an unknown scheme.
 */
const REQUEST_BOUND: ReadonlySet<string> = new Set([
  'aws4-hmac-sha256', // AWS Signature Version 4
  'basic', // RFC 7617
  'bearer', // RFC 6750
  'digest', // RFC 7616
  'dpop', // RFC 9449
  'gnap', // RFC 9635
  'hoba', // RFC 7486
  'mutual', // RFC 8120
  'oauth', // RFC 5849
  'privatetoken', // RFC 9577
  'scram-sha-1', // RFC 7804
  'scram-sha-256',
  'vapid', // RFC 8292
])

/** Whether fields, names and values in turn, name a scheme that authenticates the connection. */
export function bindsConnection(fields: readonly string[]): boolean {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] ?? ''
    // The length rules most fields out before a string in lower case is made.
    if (!LENGTHS.has(name.length)) continue
    if (FIELDS.get(name.toLowerCase())?.(fields[i + 1] ?? '') === true) return true
  }
  return false
}

/** RFC 9110 section 11.6.2: one scheme, and its parameters. */
const bindByCredentials = (value: string): boolean => !isRequestBound(TOKEN.exec(value.trim())?.[0])

/** RFC 9110 section 11.6.1: a list of schemes, each with parameters in the same list. */
function bindByChallenges(value: string): boolean {
  const parts = splitList(value)
  return parts === undefined || parts.some(part => !PARAMETER.test(part) && bindByCredentials(part))
}

/** A field of IIS that says whether the login holds for the connection. */
const bindByPersistence = (value: string): boolean => value.trim().toLowerCase() !== 'false'

const FIELDS: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ['authorization', bindByCredentials],
  ['proxy-authorization', bindByCredentials],
  ['www-authenticate', bindByChallenges],
  ['proxy-authenticate', bindByChallenges],
  ['authentication-info', bindByChallenges],
  ['proxy-authentication-info', bindByChallenges],
  ['persistent-auth', bindByPersistence],
])

const LENGTHS: ReadonlySet<number> = new Set([...FIELDS.keys()].map(name => name.length))

const isRequestBound = (scheme: string | undefined): boolean =>
  scheme !== undefined && REQUEST_BOUND.has(scheme.toLowerCase())

/** A scheme, which ends with a blank or the value. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+(?=[ \t]|$)/
/** `name = value`: it belongs to the scheme before it. */
const PARAMETER = /^[\w!#$%&'*+.^`|~-]+[ \t]*=[ \t]*(?:[\w!#$%&'*+.^`|~-]+|"(?:[^"\\]|\\.)*")[ \t]*$/s

/** The parts between commas that stand in no quoted string, empty ones left out; undefined where a quote stays open. */
function splitList(value: string): string[] | undefined {
  const parts: string[] = []
  let start = 0
  let isQuoted = false
  for (let i = 0; i <= value.length; i++) {
    const char = value[i]
    if (isQuoted && char === '\\') i++
    else if (char === '"') isQuoted = !isQuoted
    else if (char === undefined || (char === ',' && !isQuoted)) {
      const part = value.slice(start, i).trim()
      if (part !== '') parts.push(part)
      start = i + 1
    }
  }
  return isQuoted ? undefined : parts
}

/**
 * One client connection, as the owner of the origin connections on which that client has logged in.
 *
 * Life: present -> over. The pool closes its origin connections when it is over.
 */
export class ConnectionOwner {
  readonly #onLoginLost: () => void
  #listeners: Set<() => void> | undefined
  #isOver = false

  /** @param onLoginLost ends the client connection: without a proxy the client would see its login's connection end */
  constructor(onLoginLost: () => void) {
    this.#onLoginLost = onLoginLost
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /**
   * Calls `listener` once, when it is over.
   * @returns what forgets the listener: an owner may outlive many connections
   */
  whenOver(listener: () => void): () => void {
    if (this.#isOver) listener()
    else {
      this.#listeners ??= new Set()
      this.#listeners.add(listener)
    }
    return () => void this.#listeners?.delete(listener)
  }

  /** The client's connection has ended. Safe to call twice. */
  end(): void {
    this.#isOver = true
    const listeners = this.#listeners
    this.#listeners = undefined
    for (const listener of listeners ?? []) listener()
  }

  /** Called by a connection with a login that has ended, or ends with the response whose head has come. */
  loginLost(): void {
    if (!this.#isOver) this.#onLoginLost()
  }
}
