import { isIP } from 'node:net'
import type { EngineOptions } from './openssl/client-engine.js'

/**
 * What a host is checked against and announced as. Addresses are checked as addresses and never sent as SNI (RFC 6066
 * section 3); a trailing dot is no part of a name there.
 * @param host a name in ASCII, or an address, IPv6 without brackets
 */
export function toNames(host: string): EngineOptions {
  if (isIP(host) !== 0) return { host, isAddress: true, sni: undefined }
  const name = host.endsWith('.') ? host.slice(0, -1) : host
  return { host: name, isAddress: false, sni: name }
}
