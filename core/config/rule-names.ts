/** The names in rules of sni.yaml, which are read as the names in URLs are. */
import { isIP } from 'node:net'
import { parseHost } from '../base/host.js'
import { quote } from './config-file.js'

/** A matcher of sni.yaml: its type, and exactly one of the four others. */
export interface SanRule {
  readonly type: 'dns' | 'ip' | 'uri' | 'email'
  readonly exact?: string
  readonly prefix?: string
  readonly suffix?: string
  readonly regex?: string
}

/** Lower case, A-labels, no dot at the end: how names are compared. */
export function toAscii(name: string): string {
  const { star, rest } = splitStar(name)
  return star + (parseHost(rest)?.name ?? rest.toLowerCase())
}

/** A leading `*`, with the dot behind it if there is one, and what must be a host. */
export function splitStar(name: string): { readonly star: string; readonly rest: string } {
  const [, star = '', rest = ''] = /^(\*\.?)?(.*)$/s.exec(name) ?? []
  return { star, rest }
}

/** What is wrong with a name that is announced to an origin, which is never an address (RFC 6066 section 3). */
export function wrongName(text: string, mayBeAddress: boolean): string | undefined {
  const host = parseHost(text)
  if (host === undefined) return `${quote(text)} is not a name`
  return host.isAddress && !mayBeAddress ? `${quote(text)} is an address; write a name` : undefined
}

/** A matcher with its name in the form in which certificates have it. */
export const sanOf = (san: SanRule): SanRule =>
  san.type === 'dns' && san.exact !== undefined ? { ...san, exact: toAscii(san.exact) } : san

/** What is wrong with a matcher: a value that no alternative name of its type can have. */
export function wrongSan({ type, exact, prefix, suffix }: SanRule): string | undefined {
  if (type === 'ip')
    return exact === undefined || isIP(exact) !== 0 ? undefined : `${quote(exact)} is not an address`
  if (type !== 'dns') return undefined
  if (exact !== undefined) {
    const host = parseHost(splitStar(exact).rest)
    if (host === undefined) return `${quote(exact)} is not a name`
    return host.isAddress ? `${quote(exact)} is an address; its type is ip` : undefined
  }
  const part = prefix ?? suffix ?? ''
  if (/[^\x21-\x7e]/.test(part))
    return `${quote(part)} is in no name of a certificate; write what is not ASCII as xn--`
  return suffix?.endsWith('.') === true
    ? `${quote(suffix)}: no name of a certificate ends with a dot`
    : undefined
}
