import { isIP } from 'node:net'
import type { OutboundNames } from '../openssl/outbound-engine.js'

/** How a rule changes the SNI for an origin and the name that is checked. */
export interface NameRules {
  /** The SNI in place of the host's name; null: no SNI. */
  readonly sni?: string | null
  /** A certificate for this name is accepted, too. */
  readonly alternative?: string
}

/**
 * The name that is checked for a host, and its SNI. Addresses are checked as addresses and never sent as SNI (RFC 6066
 * section 3); a name there has no trailing dot.
 * @param host a name in ASCII, or an address, IPv6 without brackets
 * @param announce the SNI whatever the rule says; null: no SNI
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
 * Whether a wildcard among `names` matches a host whose leftmost label has an underscore. In OpenSSL `*` matches letters,
 * digits and hyphens only; names in use have underscores too, and Traffic Server and Pingora match them.
 */
export function isUnderscoreMatch(host: string, names: readonly string[]): boolean {
  const [, first = '', rest = ''] = /^([a-z0-9_-]+)\.(.+\..+)$/i.exec(host) ?? []
  return first.includes('_') && names.some(name => name.toLowerCase() === `*.${rest.toLowerCase()}`)
}
