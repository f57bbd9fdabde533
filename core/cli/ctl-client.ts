import { request } from 'node:http'
import { ERRORS } from '../base/error-table.js'
import { type ErrorCode, ProxyError } from '../base/errors.js'
import { OPERATOR_FIELD } from '../base/roles.js'
import { codeOf, describe } from '../base/thrown.js'
import { operator } from './operator.js'

/** How long the proxy may take to answer; a reload runs the plugins' inits. Milliseconds. */
const TIMEOUT = 120_000

type Method = 'GET' | 'POST' | 'PUT'

/** Sends requests to the management API of a running proxy. */
export type Send = <T>(method: Method, path: string, body?: unknown) => Promise<T>

/** @param path of the management socket */
export const sendTo =
  (path: string): Send =>
  async <T>(method: Method, route: string, body?: unknown) => {
    const { status, text } = await exchange(path, method, route, body)
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

function exchange(socketPath: string, method: string, path: string, body: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const headers = {
      [OPERATOR_FIELD]: encodeURIComponent(operator()),
      ...(text !== undefined && { 'content-type': 'application/json' }),
    }
    const signal = AbortSignal.timeout(TIMEOUT)
    const failed = (cause: unknown): void => reject(unreachable(socketPath, cause))
    request({ socketPath, method, path, headers, signal, agent: false }, response => {
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

function unreachable(path: string, cause: unknown): ProxyError {
  const why = WHY[codeOf(cause)] ?? describe(cause)
  return new ProxyError('PTC_ADMIN_UNREACHABLE', `management socket ${path}: ${why}`, { cause })
}
