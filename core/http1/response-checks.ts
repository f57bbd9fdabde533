import { ProxyError } from '../base/errors.js'
import type { HttpParser } from './parser.js'

/** C0 but for the tabulator, and DEL: llhttp lets them pass in a reason phrase. */
const CONTROLS = /[^\t\x20-\x7e\x80-\xff]/

export const malformed = (what: string): ProxyError =>
  new ProxyError('PTC_RESPONSE_MALFORMED', `the origin's response is malformed: ${what}`)

/**
 * What the parser does not refuse, but what could be read in more than one way, or cannot be passed on.
 * @throws {ProxyError} PTC_RESPONSE_MALFORMED
 */
export function checkResponse({ version, status, reason, headers }: HttpParser): void {
  if (version !== 11 && version !== 10) throw malformed('not HTTP/1.x')
  if (status < 100) throw malformed(`status ${status}`)
  if (reason !== '' && CONTROLS.test(reason)) throw malformed('a control character in the reason phrase')
  let codings = 0
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      codings += 1
      checkCoding(headers[i + 1] ?? '', version, status)
    } else if (name.length === 14 && isBodiless(status) && name.toLowerCase() === 'content-length') {
      // Zero says nothing wrong, and is common.
      if (!/^0+$/.test(headers[i + 1] ?? '')) throw malformed(`a length in a ${status}`)
    }
  }
  if (codings > 1) throw malformed('more than one transfer coding')
}

/** RFC 9112 section 7: this proxy asks for no transfer coding, and can take only `chunked` off. */
function checkCoding(coding: string, version: number, status: number): void {
  if (coding.toLowerCase() !== 'chunked') throw malformed('a transfer coding other than chunked')
  if (version === 10) throw malformed('a transfer coding in HTTP/1.0') // RFC 9112 section 6.1
  if (isBodiless(status)) throw malformed(`a transfer coding in a ${status}`) // ibidem
}

const isBodiless = (status: number): boolean => status < 200 || status === 204

/** The protocols that Upgrade fields name, in lower case. */
export function protocolsIn(headers: readonly string[]): string[] {
  const found: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() !== 'upgrade') continue
    for (const part of (headers[i + 1] ?? '').split(',')) found.push(part.trim().toLowerCase())
  }
  return found
}
