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
 * Whether a wildcard among `names` matches a host that has an underscore, in whichever label. In OpenSSL `*` matches
 * letters, digits and hyphens only, and a name with an underscore elsewhere is no wildcard at all; names in use have
 * underscores, and browsers match them. As for all wildcards, `*` is one whole label, and two labels follow it.
 */
export function isUnderscoreMatch(host: string, names: readonly string[]): boolean {
  const [, rest] = /^[a-z0-9_-]+\.(.+\..+)$/i.exec(host) ?? []
  if (rest === undefined || !host.includes('_')) return false
  return names.some(name => name.toLowerCase() === `*.${rest.toLowerCase()}`)
}
