import type { FetchAnswer, PluginFetch } from '../../api/fetch.js'
import { ProxyError } from '../../base/errors.js'
import { FewAtATime } from '../../base/few-at-a-time.js'
import { describe } from '../../base/thrown.js'
import { after } from '../../base/timer.js'
import type { StartTls } from '../../tls/outbound/start-tls.js'
import { plainOrigin } from '../connection.js'
import { isPrivateAddress } from '../denied-addresses.js'
import { type DialOptions, dial } from '../dial.js'
import { Http1 } from '../http1.js'
import { FetchAnswers, type KeptAnswer } from './answers.js'
import { type Exchanged, exchange, failed } from './exchange.js'
import { denied, type FetchQuestion, readQuestion, readUrl } from './question.js'

/** How sources are reached. Read at each fetch. */
export interface FetchNetwork extends Pick<DialOptions, 'names' | 'isOwn'> {
  /** A handshake with the built-in check and without plugins; undefined: https cannot be fetched yet. */
  readonly startTls: StartTls | undefined
}

/** What outlives reloads, and is shared by all plugins. */
export class FetchPlaces {
  readonly answers = new FetchAnswers()
  readonly #underWay = new Map<string, Joint>()
  readonly #places: FewAtATime

  constructor() {
    const limits = { atATime: AT_A_TIME, wait: 60_000, waiting: WAITING }
    this.#places = new FewAtATime(limits, () => failed('too many fetches are in flight'))
  }

  /** Fetches in flight. */
  get size(): number {
    return this.#underWay.size
  }

  /** Joins the fetch of an equal question, or begins one. @param plugin whose turn it takes */
  join(
    plugin: string,
    question: FetchQuestion,
    begin: (signal: AbortSignal) => Promise<KeptAnswer>,
  ): Promise<Joined> {
    const known = this.#underWay.get(question.key)
    if (known !== undefined) return known.wait(question.signal)
    const joint = new Joint(signal => this.#places.run(plugin, () => begin(signal)))
    this.#underWay.set(question.key, joint)
    const over = (): void => {
      if (this.#underWay.get(question.key) === joint) this.#underWay.delete(question.key)
    }
    joint.answer.then(over, over)
    return joint.wait(question.signal, over)
  }
}

const AT_A_TIME = 32
const WAITING = 1000
const HTTP1 = { maxHeadBytes: 16_384, hasPrivateLogins: false, isLenient: false }
const PORTS = { 'http:': 80, 'https:': 443 } as const

/** The answer of a fetch, and whether several have it. */
interface Joined {
  readonly answer: KeptAnswer
  readonly isShared: boolean
}

/** One fetch, and how many wait for it. Without any it is given up. */
class Joint {
  readonly answer: Promise<KeptAnswer>
  readonly #abort = new AbortController()
  #waiting = 0
  #hasCaller = false
  #isShared = false

  constructor(begin: (signal: AbortSignal) => Promise<KeptAnswer>) {
    this.answer = begin(this.#abort.signal)
    this.answer.catch(() => undefined)
  }

  async wait(signal: AbortSignal | undefined, onGivenUp?: () => void): Promise<Joined> {
    this.#isShared ||= this.#hasCaller
    this.#hasCaller = true
    this.#waiting += 1
    let onAbort: (() => void) | undefined
    try {
      const answer = await new Promise<KeptAnswer>((resolve, reject) => {
        onAbort = () => reject(failed('the caller has given up'))
        if (signal?.aborted === true) return onAbort()
        signal?.addEventListener('abort', onAbort, { once: true })
        this.answer.then(resolve, reject)
      })
      return { answer, isShared: this.#isShared }
    } finally {
      if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort)
      this.#waiting -= 1
      if (this.#waiting === 0) {
        onGivenUp?.()
        this.#abort.abort(failed('nothing waits for it any more'))
      }
    }
  }
}

/**
 * The `fetch` of one plugin.
 *
 *     question read -> a failure remembered? an answer kept? -> one in flight? join it
 *         -> a place -> URL and port allowed -> names resolved, addresses allowed -> dialled -> request
 *                          ^----------- redirect: the same scheme, the next of a few -----------/
 */
export function makeFetch(
  plugin: string,
  places: FetchPlaces,
  network: () => FetchNetwork,
  warn: (message: string) => void,
): PluginFetch {
  return async (url, options) => {
    const question = readQuestion(plugin, url, options)
    const { answers } = places
    const failure = answers.failure(question)
    if (failure !== undefined) throw failure
    const kept = await answers.find(question)
    if (kept !== undefined) return answerOf(kept, true)
    const { answer: fetched, isShared } = await places.join(plugin, question, async signal => {
      try {
        const answer = await fetchWithin(question, network(), signal)
        await answers.keep(question, answer, warn)
        return answer
      } catch (cause) {
        const why = toFetchError(cause)
        if (!signal.aborted) answers.failed(question, why)
        throw why
      }
    })
    // A large body that nothing else has need not be copied.
    return isShared || question.cacheFor > 0 ? answerOf(fetched, false) : { ...fetched, isCached: false }
  }
}

/** A body of its own for each caller. */
function answerOf({ body, headers, ...rest }: KeptAnswer, isCached: boolean): FetchAnswer {
  return { ...rest, headers: { ...headers }, body: Buffer.from(body), isCached }
}

function toFetchError(cause: unknown): ProxyError {
  const code = ProxyError.codeOf(cause)
  if (cause instanceof ProxyError && (code === 'PTC_FETCH_FAILED' || code === 'PTC_FETCH_DENIED'))
    return cause
  const text = `fetch: ${code ?? 'PTC_INTERNAL'}: ${describe(cause)}`
  const isDenied = code === 'PTC_ORIGIN_DENIED' || code === 'PTC_LOOP_DETECTED'
  return new ProxyError(isDenied ? 'PTC_FETCH_DENIED' : 'PTC_FETCH_FAILED', text, { cause })
}

async function fetchWithin(
  question: FetchQuestion,
  network: FetchNetwork,
  given: AbortSignal,
): Promise<KeptAnswer> {
  const { timeout, maxRedirects } = question
  const end = new AbortController()
  const onAbort = (): void => end.abort(given.reason)
  const timer = after(
    timeout,
    () => end.abort(failed(`no answer within ${timeout} ms`)),
    why => end.abort(why),
  )
  given.addEventListener('abort', onAbort, { once: true })
  try {
    let { url } = question
    for (let redirects = 0; ; redirects++) {
      const { status, headers, body } = await fetchOne(url, question, network, end.signal)
      const location = REDIRECTS.has(status) ? headers['location'] : undefined
      if (location === undefined) return { status, url: url.href, headers, body, fetchedAt: Date.now() }
      if (redirects >= maxRedirects) throw failed(`more than ${maxRedirects} redirects`)
      const next = readUrl(location, url)
      if (next.protocol !== url.protocol) throw denied(`a redirect to another scheme, ${next.protocol}`)
      url = next
    }
  } finally {
    clearTimeout(timer)
    given.removeEventListener('abort', onAbort)
  }
}

const REDIRECTS = new Set([301, 302, 303, 307, 308])

async function fetchOne(
  url: URL,
  question: FetchQuestion,
  { names, isOwn, startTls }: FetchNetwork,
  signal: AbortSignal,
): Promise<Exchanged> {
  const { method, fields, body, timeout, allowPrivate, isConfigured } = question
  const isTls = url.protocol === 'https:'
  const standard = PORTS[url.protocol as keyof typeof PORTS]
  const port = url.port === '' ? standard : Number(url.port)
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  const mayUsePort = isConfigured || port === standard
  // If private addresses are allowed, every port of them is.
  const isDenied = (address: string): boolean => (isPrivateAddress(address) ? !allowPrivate : !mayUsePort)
  if (!mayUsePort && !allowPrivate) throw denied(`port ${port} is not for ${url.protocol}`)
  const options = { connectTimeout: timeout, names, isDenied, ...(isOwn && { isOwn }) }
  if (isTls && startTls === undefined)
    throw denied('https cannot be fetched before the plugins are initialised')
  const tcp = await dial({ host, port, client: '' }, options, signal)
  const channel =
    isTls && startTls !== undefined
      ? await startTls(tcp, { host, port, client: '' }, signal)
      : plainOrigin(tcp, undefined, { scheme: 'http' })
  const connection = new Http1(channel, () => HTTP1)
  const head = {
    method,
    path: `${url.pathname}${url.search}`,
    headers: [
      'Host',
      url.host,
      'Accept',
      question.types?.join(', ') ?? '*/*',
      'Connection',
      'close',
      ...fields,
    ],
    body: body?.length ?? ('none' as const),
  }
  return await exchange(connection, head, body, question, signal)
}
