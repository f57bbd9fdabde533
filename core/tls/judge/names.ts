import { isIP } from 'node:net'
import type { OutboundNames } from '../openssl/outbound-engine.js'

/** How a rule changes what an origin is announced as, and checked for. */
export interface NameRules {
  /** Announced instead of the host's own name; null: nothing is announced. */
  readonly sni?: string | null
  /** A certificate for this name is as good as one for the host. */
  readonly alternative?: string
}

/**
 * What a host is checked against and announced as. Addresses are checked as addresses and never sent as SNI (RFC 6066
 * section 3); a trailing dot is no part of a name there.
 * @param host a name in ASCII, or an address, IPv6 without brackets
 * @param announce announced in any case; null: nothing is
 */
export function toNames(
  host: string,
  { sni, alternative }: NameRules = {},
  announce?: string | null,
): OutboundNames {
  const isAddress = isIP(host) !== 0
  const name = !isAddress && host.endsWith('.') ? host.slice(0, -1) : host
  const own = isAddress ? undefined : name
  return {
    host: name,
    isAddress,
    sni: announcedName(own, sni, announce),
    ...(alternative === undefined ? {} : { alternative }),
  }
}

function announcedName(
  own: string | undefined,
  rule: string | null | undefined,
  announce: string | null | undefined,
): string | undefined {
  if (announce !== undefined) return announce ?? undefined
  return rule === undefined ? own : (rule ?? undefined)
}

/**
 * Whether a wildcard among `names` is for a host whose leftmost label has an underscore. OpenSSL lets `*` stand for
 * letters, digits and hyphens only; DNS, and names in use, know more (as Traffic Server and Pingora allow).
 */
export function isUnderscoreMatch(host: string, names: readonly string[]): boolean {
  const [, first = '', rest = ''] = /^([a-z0-9_-]+)\.(.+\..+)$/i.exec(host) ?? []
  return first.includes('_') && names.some(name => name.toLowerCase() === `*.${rest.toLowerCase()}`)
}
