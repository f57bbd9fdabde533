/**
 * What names mean. One of these belongs to each generation of the configuration.
 *
 *     resolve -> host file? own names? /etc/hosts? cache? -> answered
 *            \-> a question for the name is in flight? join it
 *            \-> wait for a share -> ask the source -> answered, and remembered
 *
 * Each caller has its own deadline, and may leave. A question without callers is cancelled. A question of several clients
 * counts against one of them.
 */

import { isIPv6 } from 'node:net'
import { ProxyError } from '../../base/errors.js'
import { after } from '../../base/timer.js'
import { type CacheLimits, NameCache } from './cache.js'
import type { Asked, NameSource, Outcome } from './source.js'
import { type Hosts, specialName } from './system-files.js'

export interface NamesOptions {
  readonly source: NameSource
  /** Wins over everything else. Names in lower case. */
  readonly hostFile: Hosts
  /** /etc/hosts, where the source does not read it itself. */
  readonly systemHosts?: () => Hosts
  /** Milliseconds for one name, the wait for a share included. */
  readonly timeout: number
  readonly cache: CacheLimits
}

/** An address in the form that `net.connect` takes from a lookup. */
export interface NameAddress {
  readonly address: string
  readonly family: 4 | 6
}

/** RFC 1035 section 2.3.4, with a dot at the end. */
const MAX_NAME = 254

/** One call of {@link Names.resolve} that has not been answered. */
interface Waiter {
  readonly name: string
  readonly client: string
  /** Answers the caller. To be called once. */
  readonly finish: (outcome: Outcome) => void
  /** Stops waiting for a share. */
  stopWaiting: () => void
  question: Question | undefined
}

interface Question {
  readonly asked: Asked
  readonly startedAt: number
  readonly waiters: Set<Waiter>
  /** The client that its share counts against. */
  payer: string
}

export class Names {
  readonly #options: NamesOptions
  readonly #cache: NameCache
  /** Questions that can be joined. */
  readonly #questions = new Map<string, Question>()
  #epoch: unknown

  constructor(options: NamesOptions) {
    this.#options = options
    this.#cache = new NameCache(options.cache)
    this.#epoch = options.source.epoch()
  }

  /**
   * The addresses of a name, those of the preferred family first; never an empty list.
   * @param client the network of the client that wants to know; '' for the proxy itself
   * @throws {ProxyError} PTC_DNS_FAILED, PTC_DNS_TIMEOUT, or the signal's reason if that is one
   */
  resolve(host: string, client: string, signal: AbortSignal): Promise<readonly NameAddress[]> {
    const name = host.toLowerCase()
    return new Promise((resolve, reject) => {
      const settle = (outcome: Outcome): void => {
        if ('failed' in outcome) reject(failure(host, outcome.failed))
        else resolve(outcome.addresses.map(toNameAddress))
      }
      const known = this.#known(name)
      if (known !== undefined) return settle(known)
      const waiter: Waiter = {
        name,
        client,
        finish: outcome => {
          clearTimeout(timer)
          signal.removeEventListener('abort', onAbort)
          settle(outcome)
        },
        stopWaiting: () => undefined,
        question: undefined,
      }
      const onAbort = (): void => {
        clearTimeout(timer)
        this.#leave(waiter)
        reject(signal.reason)
      }
      const timer = after(this.#options.timeout, () => this.#onTimeout(waiter), reject)
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) onAbort()
      else this.#enter(waiter)
    })
  }

  /**
   * What a name means, as far as it is known without asking: for connections that were opened a while ago. Undefined: not
   * known; an empty list: the name is known to have no address.
   */
  known(host: string): readonly string[] | undefined {
    const outcome = this.#known(host.toLowerCase())
    if (outcome === undefined) return undefined
    return 'failed' in outcome ? [] : outcome.addresses
  }

  /** The addresses of a name were of no use: it is asked for anew. */
  forget(host: string): void {
    this.#cache.delete(host.toLowerCase())
  }

  /** Forgets all answers. Questions in flight run to their end. */
  close(): void {
    this.#cache.clear()
    this.#options.source.close()
  }

  #known(name: string): Outcome | undefined {
    const { hostFile, systemHosts } = this.#options
    const bare = name.endsWith('.') ? name.slice(0, -1) : name
    const addresses = hostFile.get(bare)
    if (addresses !== undefined) return { addresses, ttl: 0 }
    if (name.length > MAX_NAME) return { failed: 'ENOTFOUND' }
    const hosts = systemHosts?.()
    const special = specialName(bare, hosts)
    if (special !== undefined) return special
    const local = hosts?.get(bare)
    return local === undefined ? this.#remembered(name) : { addresses: local, ttl: 0 }
  }

  #remembered(name: string): Outcome | undefined {
    const epoch = this.#options.source.epoch()
    if (epoch !== this.#epoch) {
      this.#epoch = epoch
      this.#cache.clear()
      this.#questions.clear() // they run to their end, and are not joined
    }
    return this.#cache.get(name)
  }

  #enter(waiter: Waiter): void {
    if (this.#join(waiter)) return
    waiter.stopWaiting = this.#options.source.shares.enter(waiter.client, () => this.#begin(waiter))
  }

  #join(waiter: Waiter): boolean {
    const question = this.#questions.get(waiter.name)
    if (question === undefined) return false
    question.waiters.add(waiter)
    waiter.question = question
    return true
  }

  /** Its share has come. @returns whether the share is used */
  #begin(waiter: Waiter): boolean {
    const known = this.#known(waiter.name)
    if (known !== undefined) {
      waiter.finish(known)
      return false
    }
    if (this.#join(waiter)) return false
    const { name, client } = waiter
    const asked = this.#options.source.ask(name)
    const startedAt = performance.now()
    const question: Question = { asked, startedAt, waiters: new Set([waiter]), payer: client }
    waiter.question = question
    this.#questions.set(name, question)
    void asked.outcome.then(outcome => this.#onOutcome(name, question, outcome))
    return true
  }

  #onOutcome(name: string, question: Question, outcome: Outcome): void {
    if (this.#questions.get(name) === question) {
      this.#questions.delete(name)
      this.#cache.set(name, outcome)
    }
    for (const waiter of question.waiters) waiter.finish(outcome)
    question.waiters.clear()
    this.#options.source.shares.release(question.payer)
  }

  #onTimeout(waiter: Waiter): void {
    const { question, name } = waiter
    const { timeout } = this.#options
    this.#leave(waiter)
    // A question that had less time than that tells nothing of the name.
    const isSilent = question !== undefined && performance.now() - question.startedAt >= timeout - 1
    if (isSilent) this.#cache.set(name, { failed: 'ETIMEOUT' })
    waiter.finish({ failed: question === undefined ? 'EBUSY' : 'ETIMEOUT' })
  }

  #leave(waiter: Waiter): void {
    waiter.stopWaiting()
    const { question, name } = waiter
    if (question === undefined) return
    question.waiters.delete(waiter)
    const [heir] = question.waiters
    if (heir === undefined) {
      if (question.asked.cancel() && this.#questions.get(name) === question) this.#questions.delete(name)
      return
    }
    if ([...question.waiters].some(({ client }) => client === question.payer)) return
    const { payer } = question
    question.payer = heir.client
    this.#options.source.shares.move(payer, heir.client)
  }
}

const toNameAddress = (address: string): NameAddress => ({ address, family: isIPv6(address) ? 6 : 4 })

/** Codes of c-ares and of the system that mean: no answer. */
const TIMEOUTS: ReadonlySet<string> = new Set(['ETIMEOUT', 'ETIMEDOUT'])

function failure(host: string, code: string): ProxyError {
  if (code === 'EBUSY')
    return new ProxyError(
      'PTC_DNS_TIMEOUT',
      `${host} was not looked up in time: too many names are being looked up for this client's network`,
    )
  if (TIMEOUTS.has(code))
    return new ProxyError('PTC_DNS_TIMEOUT', `no name server told the addresses of ${host} in time (${code})`)
  return new ProxyError('PTC_DNS_FAILED', `cannot resolve ${host} (${code})`)
}
