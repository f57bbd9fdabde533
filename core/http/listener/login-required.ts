import { ProxyError } from '../../base/errors.js'

/** A request of a client that has not logged in. The reply is a 407 with a challenge for each way to log in. */
export class LoginRequired extends ProxyError {
  /** Values of Proxy-Authenticate (RFC 9110 section 11.7.1), one field each. */
  readonly challenges: readonly string[]

  constructor(message: string, challenges: readonly string[]) {
    super('PTC_PROXY_AUTH_REQUIRED', message)
    this.challenges = challenges
  }
}
