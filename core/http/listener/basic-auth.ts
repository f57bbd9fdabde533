import { createHmac, randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import type { compare } from '@node-rs/bcrypt'
import { LRUCache } from 'lru-cache'
import { ProxyError } from '../../base/errors.js'
import { FewAtATime } from '../../base/few-at-a-time.js'
import { detachString } from '../../base/memo.js'
import { describe } from '../../base/thrown.js'
import { type AuthScheme, type Checked, type GroupsOf, type Identity, identityOf } from './identity.js'

/** Milliseconds for which a name and password that were right are not compared again. */
const REMEMBERED = 600_000
const MAX_REMEMBERED = 10_000
/**
 * bcrypt runs in Node's few threads, which write logs as well: a limit leaves threads for them. Requests beyond the queue
 * are refused, so that guesses cannot pile up. Client networks are served in rotation, so that guesses delay no other client.
 */
const LIMITS = { atATime: 2, wait: 10_000, waiting: 64 }
const WRONG = 'the name or the password is wrong'

/**
 * Basic authentication of clients (RFC 7617). Right passwords are remembered as keyed hashes; no password is stored. An
 * unknown name takes as long as a wrong password.
 */
export class BasicAuth implements AuthScheme {
  readonly wants = 'a name and a password'
  readonly #hashes: ReadonlyMap<string, string>
  readonly #groupsOf: GroupsOf
  /** The hash with which the password of an unknown name is compared. */
  readonly #decoy: string
  readonly #compareHash = loadCompare()
  readonly #key = randomBytes(32)
  readonly #right = new LRUCache<string, Identity>({ max: MAX_REMEMBERED, ttl: REMEMBERED })
  readonly #running = new Map<string, Promise<Checked>>()
  readonly #checks = new FewAtATime(LIMITS, tooMany)

  /**
   * @param hashes names with bcrypt hashes, never empty
   * @throws {ProxyError} PTC_HTPASSWD_INVALID where there is no bcrypt for this platform
   */
  constructor(hashes: ReadonlyMap<string, string>, groupsOf: GroupsOf) {
    this.#hashes = hashes
    this.#groupsOf = groupsOf
    this.#decoy = [...hashes.values()].sort().at(-1) ?? ''
  }

  /** RFC 7617 section 2.1: names and passwords are UTF-8. */
  challenge(): string {
    return 'Basic realm="portcullis", charset="UTF-8"'
  }

  check(credentials: string, network: string): Checked | Promise<Checked> {
    const parsed = parseBasic(credentials)
    if (parsed === undefined) return WRONG
    const { name, password } = parsed
    const digest = createHmac('sha256', this.#key).update(`${name}\0${password}`).digest('base64')
    return this.#right.get(digest) ?? this.#check(network, digest, name, password)
  }

  /** The identity of a client whose password fitted this hash; undefined if the name now has another hash, or none. */
  again(name: string, hash: string): Identity | undefined {
    return this.#hashes.get(name) === hash ? this.#identityOf(name, hash) : undefined
  }

  /** Requests of one network that come at once with the same password wait for one answer. */
  #check(network: string, digest: string, name: string, password: string): Promise<Checked> {
    const question = `${network} ${digest}`
    const running = this.#running.get(question)
    if (running !== undefined) return running
    const check = this.#checks
      .run(network, () => this.#compare(name, password))
      .then(identity => {
        if (identity !== undefined) this.#right.set(digest, identity)
        return identity ?? WRONG
      })
      .finally(() => this.#running.delete(question))
    this.#running.set(question, check)
    return check
  }

  async #compare(name: string, password: string): Promise<Identity | undefined> {
    const hash = this.#hashes.get(name)
    const isRight = await this.#compareHash(password, hash ?? this.#decoy)
    return isRight && hash !== undefined ? this.#identityOf(name, hash) : undefined
  }

  #identityOf(name: string, hash: string): Identity {
    return identityOf(name, this.#groupsOf(name), { scheme: 'basic', hash })
  }
}

/** Loaded with the first passwords only: a platform without a binary of it can do without passwords. */
function loadCompare(): typeof compare {
  const require = createRequire(import.meta.url)
  try {
    return require('@node-rs/bcrypt').compare
  } catch (cause) {
    const why = `passwords cannot be checked on this platform: ${describe(cause)}`
    throw new ProxyError('PTC_HTPASSWD_INVALID', why, { cause })
  }
}

const tooMany = (): ProxyError =>
  new ProxyError('PTC_PROXY_AUTH_REQUIRED', 'too many passwords are being checked, try again later')

/** A control character is in no name (RFC 7617 section 2), and bcrypt would end the password at a NUL. */
function parseBasic(token: string): { readonly name: string; readonly password: string } | undefined {
  if (!/^[a-z0-9+/]+=*$/i.test(token)) return undefined
  const text = Buffer.from(token, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1 || /\p{Cc}/u.test(text)) return undefined
  return { name: detachString(text.slice(0, colon)), password: text.slice(colon + 1) }
}
