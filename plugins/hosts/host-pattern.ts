import { isIPv6 } from 'node:net'

/** Whether a host, in the form that events have, is meant. */
export type HostPattern = (host: string) => boolean

/**
 * Reads a pattern as `fqdn` of sni.yaml has them: a name or an address; `*.example.com` for every name that ends so; `*`
 * for all hosts.
 * @throws {Error} for any other text, with the remedy
 */
export function parseHostPattern(text: string): HostPattern {
  const pattern = normalize(text)
  if (pattern === '*') return () => true
  const rest = pattern.startsWith('*.') ? pattern.slice(1) : undefined
  return rest === undefined
    ? host => host === pattern
    : host => host.endsWith(rest) && host.length > rest.length
}

/** A pattern in the form in which two of them can be compared. */
export function normalize(text: string): string {
  const lower = text.toLowerCase().replace(/\.$/, '')
  if (isIPv6(lower)) return new URL(`http://[${lower}]/`).hostname.slice(1, -1)
  if (/[\x80-\uffff]/.test(lower))
    throw new Error(`"${text}" is not ASCII: write the name with its xn-- labels, as in the log`)
  if (!/^(\*|(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*)$/.test(lower))
    throw new Error(`"${text}" is no host: write a name, an address, *.example.com, or *`)
  return lower
}
