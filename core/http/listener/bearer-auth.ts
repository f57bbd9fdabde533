import { createHmac, randomBytes } from 'node:crypto'
import type { JWTPayload } from 'jose'
import { LRUCache } from 'lru-cache'
import { ProxyError } from '../../base/errors.js'
import { FewAtATime } from '../../base/few-at-a-time.js'
import { detachString } from '../../base/memo.js'
import type { TokenKey } from '../../config/token-keys.js'
import type { TokenSettings } from '../../settings/http.js'
import {
  type AuthScheme,
  type Checked,
  type GroupsOf,
  type Identity,
  identityOf,
  isName,
} from './identity.js'

/** Characters of a token; a token with hundreds of groups has about half as many. */
const MAX_TOKEN = 16_384
const MAX_GROUPS = 1000
/** Milliseconds for which a good token is not verified again; never beyond its `exp`. */
const REMEMBERED = 600_000
/** Characters of the names and groups that are remembered. */
const MAX_REMEMBERED = 8_000_000
/** Keys that are tried for a token that names none of them. */
const MAX_TRIES = 8
/** Signatures are checked in Node's few threads, as {@link import('./basic-auth.js')} checks passwords. */
const LIMITS = { atATime: 4, wait: 10_000, waiting: 256 }

const BAD = 'the token is no JWT with a signature that this proxy accepts'

/** A good token, without its text. */
interface Good {
  readonly identity: Omit<Identity, 'proof'>
  /** Milliseconds since 1970; until then the token is not verified again. */
  readonly until: number
}

/**
 * Bearer tokens of clients (RFC 6750) that are signed JWTs (RFC 7519). A token is used up to its `exp`, which it must have. What
 * is remembered has neither the token nor its claims.
 */
export class BearerAuth implements AuthScheme {
  readonly wants = 'a bearer token'
  readonly #keys: readonly TokenKey[]
  readonly #settings: TokenSettings
  readonly #groupsOf: GroupsOf
  readonly #secret = randomBytes(32)
  readonly #good = new LRUCache<string, Good>({
    maxSize: MAX_REMEMBERED,
    sizeCalculation: ({ identity }) => 300 + 2 * identity.key.length,
  })
  readonly #running = new Map<string, Promise<Good | string>>()
  readonly #checks = new FewAtATime(LIMITS, tooMany)

  constructor(keys: readonly TokenKey[], settings: TokenSettings, groupsOf: GroupsOf) {
    this.#keys = keys
    this.#settings = settings
    this.#groupsOf = groupsOf
  }

  /** RFC 6750 section 3. */
  challenge(isRefused: boolean): string {
    return `Bearer realm="portcullis"${isRefused ? ', error="invalid_token"' : ''}`
  }

  check(token: string, network: string): Checked | Promise<Checked> {
    if (token.length > MAX_TOKEN || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return BAD
    const digest = createHmac('sha256', this.#secret).update(token).digest('base64')
    const known = this.#good.get(digest)
    if (known !== undefined && Date.now() < known.until) return identified(known, token)
    const question = `${network} ${digest}`
    const running = this.#running.get(question) ?? this.#start(question, digest, token, network)
    return running.then(good => (typeof good === 'string' ? good : identified(good, token)))
  }

  /** A token that was good at a time, in milliseconds since 1970. Not remembered, and without waiting for a slot. */
  async again(token: string, at: number): Promise<Checked> {
    const { payload, why } = await this.#payloadOf(token, at)
    const good = payload === undefined ? why : this.#goodIn(payload)
    return typeof good === 'string' ? good : identified(good, token)
  }

  #start(question: string, digest: string, token: string, network: string): Promise<Good | string> {
    const check = this.#checks
      .run(network, () => this.#verify(token, digest))
      .finally(() => this.#running.delete(question))
    this.#running.set(question, check)
    return check
  }

  async #verify(token: string, digest: string): Promise<Good | string> {
    const { payload, why } = await this.#payloadOf(token)
    if (payload === undefined) return why
    const good = this.#goodIn(payload)
    // After `exp`, within the tolerated clock skew, the token is verified each time.
    if (typeof good !== 'string' && Date.now() < good.until) this.#good.set(digest, good)
    return good
  }

  /** The claims of a token whose signature, times, issuer and audience are good. */
  async #payloadOf(
    token: string,
    at = Date.now(),
  ): Promise<{ readonly payload?: JWTPayload; readonly why: string }> {
    const { algorithms, issuers, audiences, clockSkew } = this.#settings
    const { decodeProtectedHeader, jwtVerify } = await import('jose')
    const options = {
      algorithms: [...algorithms],
      clockTolerance: clockSkew / 1000,
      requiredClaims: ['exp'],
      currentDate: new Date(at),
      ...(issuers !== undefined && { issuer: [...issuers] }),
      ...(audiences !== undefined && { audience: [...audiences] }),
    }
    try {
      for (const { key } of this.#keysFor(decodeProtectedHeader(token))) {
        try {
          return { payload: (await jwtVerify(token, key, options)).payload, why: '' }
        } catch (cause) {
          // Another key may have signed it: a token need not name its key.
          if (codeOf(cause) !== 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED') return { why: whyOf(cause) }
        }
      }
    } catch {
      // its header cannot be read
    }
    return { why: BAD }
  }

  /** A token that names a key is verified with that key alone, and with keys that have no name. */
  #keysFor({ alg = '', kid }: { readonly alg?: string; readonly kid?: string }): readonly TokenKey[] {
    if (!this.#settings.algorithms.includes(alg)) return []
    return this.#keys
      .filter(key => key.algorithms.includes(alg))
      .filter(key => kid === undefined || key.kid === undefined || key.kid === kid)
      .slice(0, MAX_TRIES)
  }

  /** A text says what is wrong with the claims. */
  #goodIn(payload: JWTPayload): Good | string {
    const { audiences, userClaim, groupsClaim } = this.#settings
    if (payload.aud !== undefined && audiences === undefined)
      return 'the token is for an audience, and this proxy has not been told that it is one'
    if (payload['cnf'] !== undefined)
      return 'the token is bound to a key of its client, which is no bearer token'
    const user = own(payload, userClaim)
    if (!isName(user)) return `the token has no ${userClaim} that can be a name`
    const given = groupsClaim === undefined ? undefined : own(payload, groupsClaim)
    const groups = given === undefined ? [] : [given].flat()
    if (groups.length > MAX_GROUPS || !groups.every(isName))
      return `the token has no ${groupsClaim} that can be names of groups`
    const all = [...groups, ...this.#groupsOf(user)].map(detachString)
    const { proof: _, ...identity } = identityOf(detachString(user), all, NO_PROOF)
    return { identity, until: Math.min(Date.now() + REMEMBERED, (payload.exp ?? 0) * 1000) }
  }
}

/** The remembered identity has no token. */
const NO_PROOF = { scheme: 'bearer', token: '' } as const

const identified = ({ identity }: Good, token: string): Identity =>
  Object.freeze<Identity>({ ...identity, proof: { scheme: 'bearer', token: detachString(token) } })

const own = (payload: JWTPayload, claim: string): unknown =>
  Object.hasOwn(payload, claim) ? payload[claim] : undefined

const tooMany = (): ProxyError =>
  new ProxyError('PTC_PROXY_AUTH_REQUIRED', 'too many tokens are being checked, try again later')

const codeOf = (cause: unknown): unknown => (cause as { readonly code?: unknown } | undefined)?.code

/** By the codes of the library: its messages may have claims in them. */
function whyOf(cause: unknown): string {
  const code = codeOf(cause)
  if (code === 'ERR_JWT_EXPIRED') return 'the token has expired'
  if (code !== 'ERR_JWT_CLAIM_VALIDATION_FAILED') return BAD
  const { claim } = cause as { readonly claim?: unknown }
  if (claim === 'nbf') return 'the token is not valid yet'
  if (claim === 'aud') return 'the token is for another audience'
  if (claim === 'iss') return 'the token is from another issuer'
  return claim === 'exp' ? 'the token has no time at which it ends' : BAD
}
