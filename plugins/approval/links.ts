/** One-time links, and the messages that carry them. */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PluginContext } from 'portcullis/plugin'
import { FewAtATime } from '../questions/few-at-a-time.js'
import { signedFields } from '../webhook/sign.js'
import type { Question } from './question.js'

export interface MessageTerms {
  /** Where messages go. */
  readonly url: string
  /** Milliseconds for which a link works. */
  readonly life: number
  /** The address under which people reach the management port; undefined: there is none. */
  readonly base: () => string | undefined
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

/** Tells people of questions. */
export class Messages {
  readonly #terms: MessageTerms
  readonly #context: Pick<PluginContext, 'fetch' | 'error' | 'signal'>
  readonly #turns = new FewAtATime(AT_A_TIME, MAX_WAITING)

  constructor(terms: MessageTerms, context: Pick<PluginContext, 'fetch' | 'error' | 'signal'>) {
    this.#terms = terms
    this.#context = context
  }

  /** Sends a message with a new link, unless one that was sent still works. */
  tell(question: Question): void {
    if (question.link !== undefined && question.link.until > Date.now()) return
    const code = randomBytes(32).toString('base64url')
    const until = Date.now() + this.#terms.life
    // The code itself is in the message alone.
    question.link = { sha256: createHash('sha256').update(code).digest('hex'), until }
    const { error, signal } = this.#context
    this.#turns
      .run(() => this.#send(question, code, until), signal)
      .catch((cause: unknown) => {
        question.link = undefined // the next handshake tries again
        const why = cause instanceof Error ? cause.message : String(cause)
        if (!signal.aborted) error(`the message about ${question.asked.id} was not sent: ${why}`)
      })
  }

  async #send(question: Question, code: string, until: number): Promise<void> {
    const { url, base, secrets } = this.#terms
    const { id, host, port, subject, issuer, leaf, notBefore, notAfter, builtIn, client, since } =
      question.asked
    const at = base()
    if (at === undefined)
      this.#context.error(
        `the message about ${id} has no link: set proxy.config.admin.listen, or links= on the line of approval`,
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
