import { HeaderList } from '../../api/header-list.js'
import type { ResponseSeal, Seal } from '../../api/seal.js'
import { ProxyError } from '../../base/errors.js'
import { fieldLines } from '../../base/fields.js'
import type { RequestHead, ResponseSink } from '../../http1/messages.js'
import { refused } from '../../wait/refusal.js'
import { SealedResponse } from './sealed-response.js'

/** A seal, and whose it is. */
interface Owned<S> {
  readonly plugin: string
  readonly seal: S
}

/** What plugins have put between one request and its origin, in the order of their calls. */
export class Seals {
  readonly #all: Owned<Seal>[] = []

  get isEmpty(): boolean {
    return this.#all.length === 0
  }

  /** @throws {ProxyError} PTC_PLUGIN_CALL for what is no seal */
  add(plugin: string, seal: unknown): void {
    this.#all.push({ plugin, seal: checkedSeal(seal) })
  }

  /** The request as the origin gets it. */
  requestOf(request: RequestHead): RequestHead {
    let { path } = request
    const list = new HeaderList(request.headers)
    const fields = list.view({ isOpen: true })
    for (const { seal } of this.#all) {
      path = seal.path ?? path
      for (const [name, value] of Object.entries(seal.fields ?? {})) fields.set(name, value)
    }
    return { ...request, path, headers: list.flat }
  }

  /**
   * Shows a piece of the request's body.
   * @throws {ProxyError} PTC_PLUGIN_REFUSED_REQUEST, PTC_PLUGIN_FAILED
   */
  checkBody(bytes: Buffer): void {
    for (const { plugin, seal } of this.#all) {
      let verdict: ReturnType<NonNullable<Seal['requestBody']>>
      try {
        verdict = seal.requestBody?.(bytes)
      } catch {
        throw refused('PTC_PLUGIN_REFUSED_REQUEST', 'the request', { plugin, by: 'plugin-failed' })
      }
      if (verdict === undefined) continue
      const { reason, detail } = verdict
      const why = detail === undefined ? { reason } : { reason, detail }
      throw refused('PTC_PLUGIN_REFUSED_REQUEST', 'the request', { plugin, by: 'plugin', ...why })
    }
  }

  /** The same with its trailers. */
  checkTrailers(flat: readonly string[]): void {
    if (flat.length > 0) this.checkBody(Buffer.from(fieldLines(flat), 'latin1'))
  }

  /** Receives the response in place of `sink`. */
  around(sink: ResponseSink): ResponseSink {
    let around = sink
    // The first plugin is the nearest to the origin.
    for (const { plugin, seal } of [...this.#all].reverse())
      if (seal.response !== undefined) around = new SealedResponse(around, plugin, seal.response)
    return around
  }
}

const PATH = /^\/[\x21\x22\x24-\x7e]*$/

function checkedSeal(given: unknown): Seal {
  const wrong = (what: string): ProxyError => new ProxyError('PTC_PLUGIN_CALL', `seal: ${what}`)
  if (typeof given !== 'object' || given === null) throw wrong('it takes an object')
  const { path, fields, requestBody, response, ...others } = given as Record<keyof Seal, unknown>
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw wrong(`it has no ${unknown}`)
  if (path !== undefined && (typeof path !== 'string' || !PATH.test(path)))
    throw wrong('path begins with / and is ASCII without blanks and #')
  if (requestBody !== undefined && typeof requestBody !== 'function') throw wrong('requestBody is a function')
  return Object.freeze<Seal>({
    ...(path === undefined ? {} : { path }),
    ...(fields === undefined ? {} : { fields: checkedFields(fields, wrong) }),
    ...(requestBody === undefined ? {} : { requestBody: requestBody as NonNullable<Seal['requestBody']> }),
    ...(response === undefined ? {} : { response: checkedResponse(response, wrong) }),
  })
}

function checkedFields(given: unknown, wrong: (what: string) => ProxyError): NonNullable<Seal['fields']> {
  if (typeof given !== 'object' || given === null) throw wrong('fields is an object of names and values')
  const fields = { ...given } as Record<string, string>
  const trial = new HeaderList([]).view({ isOpen: true })
  for (const [name, value] of Object.entries(fields)) trial.set(name, value)
  return Object.freeze(fields)
}

function checkedResponse(given: unknown, wrong: (what: string) => ProxyError): ResponseSeal {
  const { text, body } = (given ?? {}) as Partial<Record<keyof ResponseSeal, unknown>>
  if (typeof text !== 'function' || typeof body !== 'function') throw wrong('response has text and body')
  return Object.freeze({ text, body } as unknown as ResponseSeal)
}
