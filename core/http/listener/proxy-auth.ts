import { createHmac, randomBytes } from 'node:crypto'
import bcrypt from 'bcrypt'
import { LRUCache } from 'lru-cache'
import { ProxyError } from '../../base/errors.js'
import { FewAtATime } from '../../base/few-at-a-time.js'
import { detachString } from '../../base/memo.js'
import type { ClientRequest } from './client-request.js'

/** How long a name and password that were right are taken for right without another look, in milliseconds. */
const REMEMBERED = 600_000
const MAX_REMEMBERED = 10_000
/**
 * bcrypt runs in Node's few threads, which write logs as well: a limit leaves threads for them. Requests beyond the queue
 * are refused, so that guesses cannot pile up. Client networks take turns, so that guesses delay no other client.
 */
const TURNS = { atATime: 2, wait: 10_000, waiting: 64 }

/**
 * Basic authentication of clients (RFC 7617). Right passwords are remembered as keyed hashes; no password is stored. An
 * unknown name takes as long as a wrong password.
 */
export class ProxyAuth {
  readonly #hashes: ReadonlyMap<string, string>
  /** What the password of an unknown name is compared with. */
  readonly #nobody: string
  readonly #key = randomBytes(32)
  readonly #right = new LRUCache<string, string>({ max: MAX_REMEMBERED, ttl: REMEMBERED })
  readonly #running = new Map<string, Promise<string | undefined>>()
  readonly #checks = new FewAtATime(TURNS, tooMany)

  /** @param hashes names with bcrypt hashes, never empty */
  constructor(hashes: ReadonlyMap<string, string>) {
    this.#hashes = hashes
    this.#nobody = [...hashes.values()].sort().at(-1) ?? ''
  }

  /** Why a request is refused, or undefined once its sender is known; then `req.user` is set. */
  admit(req: ClientRequest): ProxyError | undefined | Promise<ProxyError | undefined> {
    const credentials = parseBasic(req.headers['proxy-authorization'])
    if (credentials === undefined) return refusal('this proxy wants a name and a password')
    const { name, password } = credentials
    const digest = createHmac('sha256', this.#key).update(`${name}\0${password}`).digest('base64')
    const known = this.#right.get(digest)
    if (known !== undefined) return welcome(req, known)
    return this.#check(req.client.network, digest, name, password).then(found =>
      found === undefined ? refusal('the name or the password is wrong') : welcome(req, found),
    )
  }

  /** Requests of one network that come at once with the same password wait for one answer. */
  #check(network: string, digest: string, name: string, password: string): Promise<string | undefined> {
    const question = `${network} ${digest}`
    const running = this.#running.get(question)
    if (running !== undefined) return running
    const check = this.#checks
      .run(network, () => this.#compare(name, password))
      .then(isRight => {
        if (isRight) this.#right.set(digest, name)
        return isRight ? name : undefined
      })
      .finally(() => this.#running.delete(question))
    this.#running.set(question, check)
    return check
  }

  async #compare(name: string, password: string): Promise<boolean> {
    const hash = this.#hashes.get(name)
    const isRight = await bcrypt.compare(password, hash ?? this.#nobody)
    return isRight && hash !== undefined
  }
}

function welcome(req: ClientRequest, name: string): undefined {
  req.admitAs(name)
}

const tooMany = (): ProxyError => refusal('too many passwords are being checked, try again later')

const refusal = (message: string): ProxyError => new ProxyError('PTC_PROXY_AUTH_REQUIRED', message)

/** A control character is in no name (RFC 7617 section 2), and bcrypt would end the password at a NUL. */
function parseBasic(
  header: string | undefined,
): { readonly name: string; readonly password: string } | undefined {
  const token = /^basic +([a-z0-9+/]+=*)$/i.exec(header ?? '')?.[1]
  if (token === undefined) return undefined
  const text = Buffer.from(token, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1 || /\p{Cc}/u.test(text)) return undefined
  return { name: detachString(text.slice(0, colon)), password: text.slice(colon + 1) }
}
