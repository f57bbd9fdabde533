import { createHash } from 'node:crypto'
import { isAbsolute } from 'node:path'
import type { FetchOptions } from '../../api/fetch.js'
import { ProxyError } from '../../base/errors.js'

/** What is to be fetched, checked. */
export interface FetchQuestion {
  readonly url: URL
  readonly method: 'GET' | 'POST'
  /** Names in lower case and values in turn. */
  readonly fields: readonly string[]
  readonly body: Buffer | undefined
  readonly timeout: number
  readonly maxBytes: number
  readonly maxRedirects: number
  readonly types: readonly string[] | undefined
  readonly allowPrivate: boolean
  readonly isConfigured: boolean
  readonly cacheFor: number
  readonly cacheDir: string | undefined
  readonly failureFor: number
  readonly signal: AbortSignal | undefined
  /** Equal for questions that one answer serves. */
  readonly key: string
}

const MAX_URL = 2048
const MAX_BODY = 1_048_576
const LIMITS = {
  timeout: { default: 5000, min: 1, max: 60_000 },
  maxBytes: { default: 65_536, min: 0, max: 67_108_864 },
  maxRedirects: { default: 3, min: 0, max: 10 },
  cacheFor: { default: 0, min: 0, max: 31_536_000_000 },
  failureFor: { default: 10_000, min: 0, max: 600_000 },
} as const
const OTHERS = ['method', 'headers', 'body', 'types', 'allowPrivate', 'isConfigured', 'cacheDir', 'signal']
/** They frame the message, or belong to the connection. */
const NOT_TO_SET = new Set(
  'connection content-length expect host keep-alive te trailer transfer-encoding upgrade'.split(' '),
)
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/**
 * Reads what a plugin passes to `fetch`, which may be anything.
 * @param plugin its name: plugins do not share answers
 * @throws {ProxyError} PTC_PLUGIN_CALL, PTC_FETCH_DENIED
 */
export function readQuestion(plugin: string, given: unknown, options: unknown): FetchQuestion {
  const url = readUrl(given)
  const fields = (options ?? {}) as Readonly<Record<keyof FetchOptions, unknown>>
  if (typeof fields !== 'object') throw wrong('the options are an object')
  const unknown = Object.keys(fields).find(name => !(name in LIMITS) && !OTHERS.includes(name))
  if (unknown !== undefined) throw wrong(`there is no option ${unknown}`)
  const { method = 'GET', types, cacheDir, signal } = fields
  if (method !== 'GET' && method !== 'POST') throw wrong('the method is GET or POST')
  const number = (name: keyof typeof LIMITS): number => readNumber(name, fields[name])
  const body = readBody(method, fields.body)
  const read = {
    url,
    method,
    fields: readFields(fields.headers),
    body,
    maxBytes: number('maxBytes'),
    maxRedirects: method === 'POST' ? 0 : number('maxRedirects'),
    types: readTypes(types),
    allowPrivate: readBoolean('allowPrivate', fields.allowPrivate),
    isConfigured: readBoolean('isConfigured', fields.isConfigured),
  } as const
  if (cacheDir !== undefined && (typeof cacheDir !== 'string' || !isAbsolute(cacheDir)))
    throw wrong('cacheDir is an absolute path')
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw wrong('signal is an AbortSignal')
  const said = JSON.stringify([plugin, { ...read, url: url.href, body: body?.toString('base64') }])
  return {
    ...read,
    timeout: number('timeout'),
    cacheFor: number('cacheFor'),
    failureFor: number('failureFor'),
    cacheDir,
    signal,
    key: createHash('sha256').update(said).digest('hex'),
  }
}

/** @throws {ProxyError} PTC_FETCH_DENIED for a URL that nothing may be fetched from */
export function readUrl(given: unknown, base?: URL): URL {
  if (typeof given !== 'string' || given.length > MAX_URL)
    throw denied(`a URL has at most ${MAX_URL} characters`)
  const url = URL.canParse(given, base?.href) ? new URL(given, base?.href) : undefined
  if (url === undefined) throw denied(`${JSON.stringify(given.slice(0, 100))} is no URL`)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw denied(`${url.protocol} is not fetched`)
  if (url.username !== '' || url.password !== '') throw denied('a URL with a login is not fetched')
  url.hash = ''
  return url
}

function readNumber(name: keyof typeof LIMITS, value: unknown): number {
  const { default: otherwise, min, max } = LIMITS[name]
  if (value === undefined) return otherwise
  if (typeof value === 'number' && value >= min && value <= max) return Math.floor(value)
  throw wrong(`${name} is a number from ${min} to ${max}`)
}

function readBoolean(name: string, value: unknown = false): boolean {
  if (typeof value === 'boolean') return value
  throw wrong(`${name} is true or false`)
}

function readBody(method: string, body: unknown): Buffer | undefined {
  if (method === 'GET' && body !== undefined) throw wrong('a GET has no body')
  if (method === 'GET') return undefined
  const bytes =
    typeof body === 'string' || body instanceof Uint8Array ? Buffer.from(body as string) : undefined
  if (body !== undefined && bytes === undefined) throw wrong('a body is text or bytes')
  if ((bytes?.length ?? 0) > MAX_BODY) throw wrong(`a body has at most ${MAX_BODY} bytes`)
  return bytes ?? Buffer.alloc(0)
}

function readTypes(types: unknown): readonly string[] | undefined {
  if (types === undefined) return undefined
  if (Array.isArray(types) && types.every(type => typeof type === 'string'))
    return types.map((type: string) => type.toLowerCase())
  throw wrong('types is a list of content types')
}

function readFields(headers: unknown = {}): readonly string[] {
  if (typeof headers !== 'object' || headers === null) throw wrong('headers is an object')
  return Object.entries(headers as Readonly<Record<string, unknown>>).flatMap(([name, value]) => {
    const lower = name.toLowerCase()
    if (!TOKEN.test(name) || NOT_TO_SET.has(lower)) throw wrong(`a field ${JSON.stringify(name)} is not sent`)
    if (typeof value !== 'string' || !/^[\t\x20-\x7e\x80-\xff]{0,8192}$/.test(value))
      throw wrong(`the field ${name} has no value that can be sent`)
    return [lower, value]
  })
}

const wrong = (what: string): ProxyError => new ProxyError('PTC_PLUGIN_CALL', `fetch: ${what}`)

export const denied = (what: string): ProxyError => new ProxyError('PTC_FETCH_DENIED', `fetch: ${what}`)
