import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { LRUCache } from 'lru-cache'
import type { Role } from '../base/roles.js'

/** How long a one-time link and a session last; milliseconds. */
const LINK_LIFE = 5 * 60_000
const SESSION_LIFE = 12 * 3_600_000
/** Open links and sessions at most; the least recently used goes first. */
const MAX = 100

/** A person in front of the page. */
export interface Session {
  /** For the record of answers. */
  readonly who: string
  readonly role: Role
  /**
   * Each request to the API carries it in a header. The cookie alone is no proof: browsers send it to every port of this
   * machine, and so to services of other users.
   */
  readonly key: string
  /** Reads that go on: events. They end with the login. */
  readonly reads: Set<ServerResponse>
}

/** The person that a link is for. */
type Person = Pick<Session, 'who' | 'role'>

/** What the browser of a person is given. */
export interface Login {
  /** For the cookie. */
  readonly id: string
  readonly key: string
}

const secret = (): string => randomBytes(32).toString('base64url')

/** Logins to the page: a link that works once makes a session. */
export class Sessions {
  readonly #links = new LRUCache<string, Person>({ max: MAX, ttl: LINK_LIFE })
  readonly #sessions = new LRUCache<string, Session>({
    max: MAX,
    ttl: SESSION_LIFE,
    ttlAutopurge: true,
    dispose: ({ reads }) => {
      for (const res of reads) res.destroy()
    },
  })

  /** Makes a link for `who`. @returns the code in it */
  link(who: string, role: Role): string {
    const code = secret()
    this.#links.set(code, { who, role })
    return code
  }

  /** @returns undefined for a code that is unknown, used or too old */
  redeem(code: string): Login | undefined {
    const person = this.#links.get(code)
    if (person === undefined) return undefined
    this.#links.delete(code)
    const [id, key] = [secret(), secret()]
    this.#sessions.set(id, { ...person, key, reads: new Set() })
    return { id, key }
  }

  find(id: string): Session | undefined {
    return this.#sessions.get(id)
  }

  /** A read that goes on until its client has the whole, or the login ends. */
  reading({ reads }: Session, res: ServerResponse): void {
    reads.add(res)
    res.once('close', () => reads.delete(res))
  }

  end(id: string): void {
    this.#sessions.delete(id)
  }
}
