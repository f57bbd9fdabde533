import { randomBytes } from 'node:crypto'

/** Where Via is added: proxy.config.http.insert_request_via_str and insert_response_via_str. */
export interface ViaOptions {
  readonly inRequests: boolean
  readonly inResponses: boolean
}

/** What may not stand in a pseudonym (RFC 9110 section 5.6.2). */
const NO_TOKEN = /[^!#$%&'*+.^_`|~0-9a-z-]/gi

/**
 * This proxy's entry in Via (RFC 9110 section 7.6.3), by which it knows a request again that it has sent itself. The
 * pseudonym is the proxy's name and a token: two proxies of one name are no loop, and a name that a reload has changed is.
 */
export class Via {
  readonly pseudonym: string
  readonly #options: ViaOptions
  readonly #token: string
  readonly #old: string
  readonly #current: string

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
  }

  /** What a request gets that came in this version of HTTP. */
  ofRequest(version: string): string | undefined {
    return this.#options.inRequests ? this.#entry(version) : undefined
  }

  /** What a response gets that came in this version of HTTP. */
  ofResponse(version: string): string | undefined {
    return this.#options.inResponses ? this.#entry(version) : undefined
  }

  /** Whether a message with this Via field has been here before. */
  isIn(field: string): boolean {
    return field.includes(this.#token)
  }

  #entry(version: string): string {
    return version === '1.0' ? this.#old : this.#current
  }
}
