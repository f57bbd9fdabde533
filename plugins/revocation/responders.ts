import { createHash, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { PluginFetch } from 'portcullis/plugin'
import { fetchBody, isFetched } from './fetching.js'
import { type Answer, NoAnswer, reasonName } from './no-answer.js'
import { makeRequest } from './ocsp-request.js'
import { type OcspAnswer, openResponse, type ReadOptions } from './ocsp-response.js'
import { type Kept, makeMemory, Shelf, type ShelfOptions, type Source, textOf } from './shelf.js'
import type { Subject } from './subject.js'
import { endOf } from './times.js'

const MAX_RESPONSE = 65_536
const MAX_MEMORY = 33_554_432
const MAX_FETCHES = 256
const MAX_URLS = 4
const MAX_STAPLES = 5000
/** A request by GET, in base64 with its URL (RFC 6960 appendix A.1). */
const MAX_GET = 255
const NONCE_BYTES = 32

export const responseMemory = makeMemory<OcspAnswer>(MAX_MEMORY)

export interface RespondersOptions extends Pick<ShelfOptions, 'files' | 'maxAge' | 'schedule' | 'warn'> {
  readonly fetch: PluginFetch
  readonly allowPrivate: boolean
  /** Milliseconds for one responder. */
  readonly timeout: number
  readonly reading: Omit<ReadOptions, 'nonce'>
}

/** OCSP: what an origin has stapled, and responders that certificates name. */
export class Responders {
  readonly #shelf: Shelf<OcspAnswer>
  readonly #staples = new LRUCache<string, OcspAnswer>({ max: MAX_STAPLES })
  readonly #options: RespondersOptions

  constructor(options: RespondersOptions) {
    this.#options = options
    this.#shelf = new Shelf(responseMemory, { ...options, maxFetches: MAX_FETCHES, isRenewing: false })
  }

  /** What a stapled response says. */
  async readStaple(response: Buffer | undefined, subject: Subject): Promise<Answer> {
    if (response === undefined) return { kind: 'none' }
    try {
      const value = await this.#open(response, subject)
      return toAnswer(value, endOf(value, this.#options.maxAge), 'the staple')
    } catch (cause) {
      return { kind: 'failed', why: `the staple: ${textOf(cause)}` }
    }
  }

  /** An origin sends the same response for hours. */
  async #open(response: Buffer, subject: Subject): Promise<OcspAnswer> {
    const { issuer, serial } = subject
    const digest = createHash('sha256').update(response).digest('hex')
    const key = `${digest} ${issuer.id} ${serial.toString('hex')}`
    const known = this.#staples.get(key)
    if (known !== undefined) return known
    const value = await openResponse(response, subject, this.#options.reading)
    this.#staples.set(key, value)
    return value
  }

  async ask(subject: Subject): Promise<Answer> {
    const { ocspUrls } = subject
    if (ocspUrls.length === 0) return { kind: 'none' }
    const failed: string[] = []
    for (const url of ocspUrls.slice(0, MAX_URLS)) {
      try {
        if (!isFetched(url)) throw new NoAnswer('it is not of plain http')
        const { value, refreshAt }: Kept<OcspAnswer> = await this.#shelf.get(this.#source(url, subject))
        return toAnswer(value, refreshAt, url)
      } catch (cause) {
        failed.push(`${url}: ${textOf(cause)}`)
      }
    }
    return { kind: 'failed', why: failed.join('; ') }
  }

  #source(url: string, subject: Subject): Source<OcspAnswer> {
    const { reading } = this.#options
    const { serial, issuer } = subject
    return {
      url,
      key: `ocsp ${url} ${issuer.id} ${serial.toString('hex')}`,
      maxBytes: MAX_RESPONSE,
      fetch: () => this.#fetch(url, subject),
      open: bytes => openResponse(bytes, subject, reading),
    }
  }

  /** By GET, which caches of the responder serve; then by POST; then with the newer hash. */
  async #fetch(url: string, subject: Subject): Promise<{ value: OcspAnswer; bytes: Buffer }> {
    const { reading, maxAge, timeout } = this.#options
    const end = performance.now() + timeout
    const request = makeRequest(subject, 'sha1')
    const nonce = randomBytes(NONCE_BYTES)
    const attempts = [
      { request, nonce: undefined },
      { request: makeRequest(subject, 'sha1', nonce), nonce },
      { request: makeRequest(subject, 'sha256', nonce), nonce },
    ]
    const failures = new Set<string>()
    for (const attempt of attempts) {
      const left = end - performance.now()
      if (left < 1) break
      const get = `${url.replace(/\/$/, '')}/${encodeURIComponent(attempt.request.toString('base64'))}`
      const isGet = attempt.nonce === undefined
      if (isGet && (get.length > MAX_GET || url.includes('?'))) continue
      try {
        const bytes = isGet ? await this.#send(get, left) : await this.#send(url, left, attempt.request)
        const value = await openResponse(bytes, subject, {
          ...reading,
          ...(attempt.nonce === undefined ? {} : { nonce: attempt.nonce }),
        })
        endOf(value, maxAge)
        return { value, bytes }
      } catch (cause) {
        failures.add(textOf(cause))
      }
    }
    throw new NoAnswer([...failures].join(', then ') || 'it was not asked')
  }

  #send(url: string, timeout: number, body?: Buffer): Promise<Buffer> {
    const { fetch, allowPrivate } = this.#options
    return fetchBody(fetch, url, {
      timeout,
      maxBytes: MAX_RESPONSE,
      allowPrivate,
      types: ['application/ocsp-response'],
      ...(body === undefined
        ? {}
        : { method: 'POST', body, headers: { 'content-type': 'application/ocsp-request' } }),
    })
  }
}

function toAnswer({ revoked }: OcspAnswer, until: number, from: string): Answer {
  if (revoked === undefined) return { kind: 'good', until, from }
  return { kind: 'revoked', at: revoked.at, reason: reasonName(revoked.reason), from }
}
