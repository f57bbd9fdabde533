/** The person behind a request to the management API, and that person's rights. */
import type { IncomingHttpHeaders } from 'node:http'
import { ALL_RIGHTS, isRole, OPERATOR_FIELD, type Role } from '../base/roles.js'

/** Carries the name of the person in front of the page; set by the port alone. */
export const WHO_FIELD = 'x-portcullis-who'
/** Carries the role of a token or a login; set by the port alone. A request on the socket has all rights. */
export const ROLE_FIELD = 'x-portcullis-role'

interface Sent {
  readonly headers: IncomingHttpHeaders
}

/** The person in front of the page; undefined for a program, which names a person itself. */
export function personOf({ headers }: Sent): string | undefined {
  const who = headers[WHO_FIELD]
  return typeof who === 'string' ? who : undefined
}

/** Undefined for a word that is no role. */
export function roleOf({ headers }: Sent): Role | undefined {
  const { [ROLE_FIELD]: has = ALL_RIGHTS } = headers
  return isRole(has) ? has : undefined
}

/** By what a request was let in. */
export function doorOf({ headers }: Sent): 'socket' | 'page' | 'token' {
  if (headers[ROLE_FIELD] === undefined) return 'socket'
  return headers[WHO_FIELD] === undefined ? 'token' : 'page'
}

/** The name for the record: of the login, or as the program says. */
export function nameOf(sent: Sent, said?: unknown): string {
  const { [OPERATOR_FIELD]: operator } = sent.headers
  const given = [personOf(sent), said, typeof operator === 'string' ? decoded(operator) : undefined]
  const name = given.find(one => typeof one === 'string' && one !== '')
  return typeof name === 'string' ? name : 'an operator'
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
