import type { PluginFetch } from 'portcullis/plugin'
import type { CrlPoint } from 'portcullis/x509'
import { lookUp, openList, type RevocationList } from './crl.js'
import { fetchBody, isFetched } from './fetching.js'
import { type Answer, reasonName } from './no-answer.js'
import { makeMemory, Shelf, type ShelfOptions, type Source, textOf } from './shelf.js'
import { tellWhile } from './slow-list.js'
import type { Subject } from './subject.js'

const MAX_LIST = 67_108_864
/** For one list; longer than a handshake waits. Milliseconds. */
const FETCH_TIME = 60_000
const MAX_FETCHES = 24
/** Bytes of all lists in memory. */
const MAX_MEMORY = 268_435_456
/** URLs of one certificate. */
const MAX_URLS = 8

export const listMemory = makeMemory<RevocationList>(MAX_MEMORY)

const TYPES = [
  'application/pkix-crl',
  'application/x-pkcs7-crl',
  'application/x-pkix-crl',
  'application/octet-stream',
  'application/x-octet-stream',
  'binary/octet-stream',
]

export interface ListsOptions extends Pick<ShelfOptions, 'files' | 'maxAge' | 'schedule' | 'warn'> {
  readonly fetch: PluginFetch
  readonly allowPrivate: boolean
}

/** Revocation lists, from the distribution points in certificates. */
export class Lists {
  readonly #shelf: Shelf<RevocationList>
  readonly #options: ListsOptions

  constructor(options: ListsOptions) {
    this.#options = options
    this.#shelf = new Shelf(listMemory, { ...options, maxFetches: MAX_FETCHES, isRenewing: true })
  }

  async ask(subject: Subject): Promise<Answer> {
    const { crlPoints } = subject
    if (crlPoints.length === 0) return { kind: 'none' }
    const failed: string[] = []
    let left = MAX_URLS
    for (const point of crlPoints) {
      const urls = point.urls.filter(isFetched)
      const why = uselessPoint(point) ?? (urls.length === 0 ? 'a list has no URL of plain http' : undefined)
      if (why !== undefined) failed.push(why)
      else
        for (const url of urls.slice(0, Math.max(0, left))) {
          left -= 1
          try {
            return await this.#askOne(url, point, subject)
          } catch (cause) {
            failed.push(`${url}: ${textOf(cause)}`)
          }
        }
    }
    return { kind: 'failed', why: failed.join('; ') }
  }

  async #askOne(url: string, point: CrlPoint, subject: Subject): Promise<Answer> {
    const { value, refreshAt } = await this.#shelf.get(this.#source(url, subject))
    const entry = lookUp(value, subject, point.names)
    if (entry === undefined) return { kind: 'good', until: refreshAt, from: url }
    return { kind: 'revoked', at: entry.at, reason: reasonName(entry.reason), from: url }
  }

  #source(url: string, { issuer }: Subject): Source<RevocationList> {
    const open = (bytes: Buffer): Promise<RevocationList> => openList(bytes, issuer)
    const load = async () => {
      const bytes = await fetchBody(this.#options.fetch, url, {
        timeout: FETCH_TIME,
        maxBytes: MAX_LIST,
        types: TYPES,
        allowPrivate: this.#options.allowPrivate,
      })
      return { value: await open(bytes), bytes }
    }
    const { schedule, warn: note } = this.#options
    const fetch = () => tellWhile(url, load(), { schedule, note, most: FETCH_TIME })
    return { url, key: `crl ${url} ${issuer.id}`, maxBytes: MAX_LIST, fetch, open }
  }
}

function uselessPoint({ isForSomeReasons, isIndirect }: CrlPoint): string | undefined {
  if (isIndirect) return 'a list is indirect'
  return isForSomeReasons ? 'a list is about some reasons of revocation only' : undefined
}
