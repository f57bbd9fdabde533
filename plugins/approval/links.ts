/** One-time links, and the messages that carry them. */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PluginContext } from 'portcullis/plugin'
import { FewAtATime } from '../questions/few-at-a-time.js'
import { signedFields } from '../webhook/sign.js'
import type { Link, Question } from './question.js'

export interface MessageTerms {
  /** Where messages go. */
  readonly url: string
  /** Milliseconds for which a link works. */
  readonly life: number
  /** The address under which people reach the management port; undefined: there is none. */
  readonly base: () => string | undefined
  /** Tells the other instances of a link that was sent. */
  readonly share: (id: string, link: Link) => void
  /** They sign messages. */
  readonly secrets: () => Promise<readonly Buffer[]>
}

/** Messages at a time, and those that wait. */
const AT_A_TIME = 4
const MAX_WAITING = 1000
/** Tries of one message, and the pause before the second, milliseconds; it doubles. */
const TRIES = 3
const PAUSE = 500
const TIMEOUT = 10_000
/** Longer than all tries of one message, milliseconds. */
const SENDING = 60_000

type Context = Pick<PluginContext, 'fetch' | 'error' | 'signal' | 'state'>

/**
 * Tells people of questions. Instances of the plugin that are asked at once agree by a key in `state`: the one that sets it sends
 * the message, the others learn from it which link was sent.
 */
export class Messages {
  readonly #terms: MessageTerms
  readonly #context: Context
  readonly #turns = new FewAtATime(AT_A_TIME, MAX_WAITING)

  constructor(terms: MessageTerms, context: Context) {
    this.#terms = terms
    this.#context = context
  }

  /** Sends a message with a new link, unless one that was sent still works. */
  tell(question: Question): void {
    const { id } = question.asked
    if (question.isTelling || (question.link !== undefined && question.link.until > Date.now())) return
    question.isTelling = true
    const { error, signal } = this.#context
    this.#turns
      .run(() => this.#tellOnce(question), signal)
      .catch((cause: unknown) => {
        const why = cause instanceof Error ? cause.message : String(cause)
        if (!signal.aborted) error(`the message about ${id} was not sent: ${why}`)
      })
      .finally(() => {
        question.isTelling = false
      })
  }

  /** The link that an instance has sent for the question, if it still works. */
  async sentFor(id: string): Promise<Link | undefined> {
    const found = await this.#context.state.get(keyOf(id))
    if (!isLink(found) || found.until <= Date.now() || !('isSent' in found)) return undefined
    return { sha256: found.sha256, until: found.until }
  }

  /** @throws {Error} when the message was not sent: the next handshake tries again, whichever instance is asked */
  async #tellOnce(question: Question): Promise<void> {
    const { id } = question.asked
    const code = randomBytes(32).toString('base64url')
    const until = Date.now() + this.#terms.life
    // The code itself is in the message alone.
    const link: Link = { sha256: createHash('sha256').update(code).digest('hex'), until }
    if (!(await this.#isOurs(id, link))) {
      question.link = await this.sentFor(id)
      return
    }
    question.link = link
    const { state } = this.#context
    try {
      await this.#send(question, code, until)
    } catch (cause) {
      question.link = undefined
      await state.delete(keyOf(id)).catch(() => undefined)
      throw cause
    }
    this.#terms.share(id, link)
    await state.set(keyOf(id), { ...link, isSent: true }, { ttl: Math.max(1, until - Date.now()) })
  }

  /** Whether this instance sends the message. Where `state` cannot say, two messages are better than none. */
  async #isOurs(id: string, link: Link): Promise<boolean> {
    const { state, error } = this.#context
    try {
      // An instance that ends meanwhile keeps the others from it for so long.
      return await state.add(keyOf(id), link, { ttl: Math.min(this.#terms.life, SENDING) })
    } catch (cause) {
      error(`the message about ${id} may be sent twice: ${cause instanceof Error ? cause.message : cause}`)
      return true
    }
  }

  async #send(question: Question, code: string, until: number): Promise<void> {
    const { url, base, secrets } = this.#terms
    const { id, host, port, subject, issuer, leaf, notBefore, notAfter, builtIn, client, since } =
      question.asked
    const at = base()
    if (at === undefined)
      this.#context.error(
        `the message about ${id} has no link, because no management port is open: see proxy.config.admin.listen, or set links= on the line of approval`,
      )
    const link = at === undefined ? null : `${at}/answer?code=${code}`
    const body = JSON.stringify({
      version: 1,
      text: `${client} asks for ${host}: ${link ?? `portcullis ctl accept ${id}`}`,
      ...{ id, host, port, subject, issuer, sha256: leaf, notBefore, notAfter, builtIn, client, since },
      link,
      until,
    })
    const { fetch, signal } = this.#context
    const message = `msg_${randomUUID()}`
    for (let tries = 1; ; tries++) {
      const signed = signedFields(message, new Date(), body, await secrets())
      const headers = { 'content-type': 'application/json', ...signed }
      const why = await fetch(url, {
        ...{ method: 'POST', headers, body, timeout: TIMEOUT, signal },
        ...{ isConfigured: true, allowPrivate: true, failureFor: 0 },
      }).then(
        ({ status }) => (status >= 200 && status < 300 ? undefined : `it answers ${status}`),
        (cause: unknown) => (cause instanceof Error ? cause.message : String(cause)),
      )
      if (why === undefined) return
      if (tries >= TRIES) throw new Error(`${why} (${tries} tries)`)
      await sleep(PAUSE * 2 ** (tries - 1), undefined, { signal })
    }
  }
}

const keyOf = (id: string): string => `message ${id}`

export const isLink = (value: unknown): value is Link => {
  const { sha256, until } = (value ?? {}) as Partial<Link>
  return typeof sha256 === 'string' && typeof until === 'number'
}
