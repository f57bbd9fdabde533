/** Where in a request a placeholder stands, and what takes its place. */
import type { HeaderFields } from 'portcullis/plugin'
import type { Secret } from './secrets-file.js'

/** The host of an absolute URL, IPv6 without brackets, and whether requests to it are encrypted. */
export function targetOf(url: string): { readonly host: string; readonly isSecure: boolean } {
  const [, scheme = '', name = '', host = name] = /^([^:]*):\/\/(\[([^\]]*)\]|[^/:?]*)/.exec(url) ?? []
  return { host: host.toLowerCase(), isSecure: scheme === 'https' }
}

/** What of a request is looked at. */
export interface Looked {
  readonly method: string
  /** Absolute; of a CONNECT, `host:port`. */
  readonly url: string
  readonly headers: Pick<HeaderFields, 'entries'>
}

/** Fields that hold credentials, by parts of their names. */
const CREDENTIALS =
  /(?:^|[-_])(?:auth|authorization|(?:api|access|secret|auth)?key|token|secret|password|credentials?)(?:$|[-_])/
/** How often an escape may be escaped. */
const MAX_ESCAPES = 3

/** Whether a text has the placeholder, also in another case or behind percent signs. */
function has(text: string, { placeholder }: Secret): boolean {
  const wanted = placeholder.toLowerCase()
  let seen = text
  for (let i = 0; i <= MAX_ESCAPES; i++) {
    if (seen.toLowerCase().includes(wanted)) return true
    const plain = seen.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
    if (plain === seen) return false
    seen = plain
  }
  return false
}

/** `user:password`, if the value is that of Basic authentication. */
function basicOf(value: string): string | undefined {
  const [, encoded] = /^basic +([A-Za-z0-9+/=_-]+)$/i.exec(value) ?? []
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('latin1')
}

/** The query with its question mark, and what stands before it. */
function cut(url: string): readonly [before: string, query: string] {
  const at = url.indexOf('?')
  return at === -1 ? [url, ''] : [url.slice(0, at), url.slice(at)]
}

/**
 * Whether the request has the placeholder, and where it may not be.
 * @returns undefined where it is nowhere; `used` where every place is one for it; otherwise the words for the wrong place
 */
export function placeOf(
  secret: Secret,
  { method, url, headers }: Looked,
): undefined | 'used' | { readonly wrong: string } {
  if (method === 'CONNECT') {
    const all = [url, ...headers.entries().flat()]
    return all.some(text => has(text, secret)) ? { wrong: 'a CONNECT' } : undefined
  }
  const [before, query] = cut(url)
  if (has(before, secret)) return { wrong: 'the URL' }
  let isUsed = false
  if (has(query, secret)) {
    if (secret.where !== 'query' || !query.includes(secret.placeholder)) return { wrong: 'the query' }
    isUsed = true
  }
  for (const [name, value] of headers.entries()) {
    const basic = basicOf(value)
    if (!has(name, secret) && !has(value, secret) && (basic === undefined || !has(basic, secret))) continue
    if (!mayCarry(secret, name, value, basic))
      return { wrong: `the field ${has(name, secret) ? 'name' : name}` }
    isUsed = true
  }
  return isUsed ? 'used' : undefined
}

function mayCarry(secret: Secret, name: string, value: string, basic: string | undefined): boolean {
  const { where, fields, placeholder } = secret
  const lower = name.toLowerCase()
  if (where === 'basic')
    return (
      lower === 'authorization' &&
      (basic?.includes(placeholder) === true || rawBasicOf(value) === placeholder)
    )
  if (where !== 'header' || !value.includes(placeholder)) return false
  return fields === undefined ? CREDENTIALS.test(lower) : fields.has(lower)
}

/** What stands behind `Basic`, where it is no base64 of a name and a password: the placeholder of both. */
const rawBasicOf = (value: string): string | undefined => /^basic +(\S+)$/i.exec(value)?.[1]

/** What the origin gets in place of the placeholder. */
export interface Replaced {
  readonly path: string | undefined
  readonly fields: Readonly<Record<string, string>>
}

/** @param secrets those that the request has, each with its value */
export function replaced(
  { url, headers }: Looked,
  secrets: readonly (readonly [Secret, string])[],
): Replaced {
  const [, query] = cut(url)
  let isChanged = false
  let changed = query
  const values = new Map<string, string[]>()
  for (const [name, value] of headers.entries()) {
    const list = values.get(name.toLowerCase()) ?? []
    values.set(name.toLowerCase(), [...list, value])
  }
  const fields: Record<string, string> = {}
  for (const [secret, value] of secrets) {
    const { where, placeholder } = secret
    if (where === 'query') {
      isChanged = true
      changed = changed.replaceAll(placeholder, encodeURIComponent(value))
      continue
    }
    for (const [name, list] of values) {
      const next = list.map(one =>
        where === 'basic' ? inBasic(one, placeholder, value) : one.replaceAll(placeholder, () => value),
      )
      if (next.every((one, i) => one === list[i])) continue
      values.set(name, next)
      fields[name] = next.join(', ')
    }
  }
  return { path: isChanged ? pathOf(url) + changed : undefined, fields }
}

/** As it stands in the URL: nothing is escaped anew. */
function pathOf(url: string): string {
  const [before] = cut(url)
  const at = before.indexOf('/', before.indexOf('://') + 3)
  return at === -1 ? '/' : before.slice(at)
}

function inBasic(field: string, placeholder: string, value: string): string {
  const basic = basicOf(field)
  if (basic?.includes(placeholder)) return `Basic ${base64(basic.replaceAll(placeholder, () => value))}`
  return rawBasicOf(field) === placeholder ? `Basic ${base64(value)}` : field
}

const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64')
