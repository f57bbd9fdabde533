import { type RequestOptions, request } from 'node:http'
import { userInfo } from 'node:os'
import { ERRORS } from '../base/error-table.js'
import { type ErrorCode, ProxyError } from '../base/errors.js'
import { OPERATOR_FIELD } from '../base/roles.js'
import { codeOf, describe } from '../base/thrown.js'
import type { Settings } from '../settings/settings.js'

/** How long the proxy may take to answer; a reload runs the plugins' inits. Milliseconds. */
const TIMEOUT = 120_000

type Method = 'GET' | 'POST' | 'PUT'

/** Sends requests to the management API of a running proxy. */
export type Send = <T>(method: Method, path: string, body?: unknown) => Promise<T>

/** Where the API is: its socket's path, or what requests to its port consist of. */
export type Reach = string | { readonly listen: string; readonly settings: Settings['admin'] }

export const sendTo =
  (reach: Reach): Send =>
  async <T>(method: Method, route: string, body?: unknown) => {
    const { status, text } = await exchange(reach, method, route, body)
    const answer = parse(text)
    if (status < 300) return answer as T // of our own program, by its schema
    const { code = '', message = `the proxy answers ${status}` } = (answer as Failure).error ?? {}
    throw new ProxyError(isErrorCode(code) ? code : 'PTC_ADMIN_REQUEST', message)
  }

interface Failure {
  readonly error?: { readonly code?: string; readonly message?: string }
}

/** A proxy of another version may know codes that this one does not. */
const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code)

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ProxyError('PTC_ADMIN_UNREACHABLE', 'what answers is no Portcullis', { cause })
  }
}

interface Answer {
  readonly status: number
  readonly text: string
}

async function exchange(reach: Reach, method: string, path: string, body: unknown): Promise<Answer> {
  const signal = AbortSignal.timeout(TIMEOUT)
  const there = await optionsFor(reach, signal).catch((cause: unknown) => {
    throw unreachable(reach, cause)
  })
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const headers = {
      ...there.headers,
      [OPERATOR_FIELD]: encodeURIComponent(operator()),
      ...(text !== undefined && { 'content-type': 'application/json' }),
    }
    const failed = (cause: unknown): void => reject(unreachable(reach, cause))
    request({ ...there, method, path, headers, signal }, response => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }),
      )
      response.on('error', failed)
    })
      .on('error', failed)
      .end(text)
  })
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'no proxy is running with this configuration folder',
  ECONNREFUSED: 'the proxy that made it is not running any more',
  EACCES: 'you may not use it: it is for the user that runs the proxy',
  ENOTSOCK: 'it is no socket',
  ABORT_ERR: `no answer in ${TIMEOUT / 1000} s`,
}

async function optionsFor(reach: Reach, signal: AbortSignal): Promise<RequestOptions> {
  if (typeof reach === 'string') return { socketPath: reach, agent: false }
  const { portRequest } = await import('./ctl-port.js')
  return portRequest(reach.listen, reach.settings, signal)
}

function unreachable(reach: Reach, cause: unknown): ProxyError {
  if (ProxyError.codeOf(cause) !== undefined) return cause as ProxyError
  const isSocket = typeof reach === 'string'
  const why = (isSocket ? WHY[codeOf(cause)] : undefined) ?? describe(cause)
  const where = isSocket ? `management socket ${reach}` : `management port ${reach.listen}`
  return new ProxyError('PTC_ADMIN_UNREACHABLE', `${where}: ${why}`, { cause })
}

/** The person at the command line, for the record: the user of this process. */
export function operator(): string {
  try {
    return userInfo().username
  } catch {
    return 'an operator' // the system has no name for this user
  }
}

type Paged<N extends string, T> = { readonly [K in N]: readonly T[] } & { readonly next?: string | null }

/** A page's cursor, as part of a path. */
export const withCursor = (path: string, cursor: string | undefined): string =>
  cursor === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}`

/**
 * A list of the management API, page after page.
 * @param most rows; the rest is not asked for
 */
export async function listOf<T>(
  send: Send,
  path: string,
  name: string,
  most: number = Number.POSITIVE_INFINITY,
): Promise<readonly T[]> {
  const all: T[] = []
  let cursor: string | undefined
  do {
    const page = await send<Paged<string, T>>('GET', withCursor(path, cursor))
    all.push(...(page[name] ?? []))
    cursor = page.next ?? undefined
  } while (cursor !== undefined && all.length < most)
  return all.length > most ? all.slice(0, most) : all
}
