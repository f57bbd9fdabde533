import { isIPv6 } from 'node:net'
import { normalize } from './host-pattern.js'

export interface HostPort {
  /** In the form that events have. */
  readonly host: string
  readonly port: number | undefined
}

/**
 * Reads `HOST`, `HOST:PORT`, `[IPV6]:PORT`, or an IPv6 address alone.
 * @throws {Error} for what is none of them
 */
export function parseHostPort(text: string): HostPort {
  const match = isIPv6(text) ? [text, text] : /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text)
  const name = match?.[1] ?? match?.[2]
  const digits = match?.[3]
  const port = digits === undefined ? undefined : Number(digits)
  if (name === undefined || name.includes('*') || (port !== undefined && (port < 1 || port > 65_535)))
    throw new Error(`"${text}" is no host: write HOST, HOST:PORT or [IPV6]:PORT`)
  return { host: normalize(name), port }
}
