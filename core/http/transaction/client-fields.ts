/** What an origin learns of a client: fields that are removed from its requests, and those that the proxy adds. */
import { isIPv6 } from 'node:net'
import { bracketed } from '../../base/host.js'
import type { TransactionSettings } from '../../settings/http.js'
import type { ClientInfo } from '../listener/client-info.js'
import type { RequestTarget } from './target.js'

export type ClientFieldSettings = NonNullable<TransactionSettings['clientFields']>

/**
 * @param headers names and values in turn, as they would be sent
 * @returns the same fields, without those that are removed, and with those that are added
 */
export function withClientFields(
  headers: readonly string[],
  { remoteAddress, localAddress }: ClientInfo,
  { scheme, authority }: RequestTarget,
  { removed, forwardedFor, clientIp, forwarded }: ClientFieldSettings,
): readonly string[] {
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const [name = '', value = ''] = [headers[i], headers[i + 1]]
    if (!removed.has(name.toLowerCase())) kept.push(name, value)
  }
  const client = plainAddress(remoteAddress)
  if (client === undefined) return kept
  if (clientIp > 0 && !removed.has('client-ip')) setClientIp(kept, client, clientIp === 2)
  if (forwardedFor) append(kept, 'X-Forwarded-For', client)
  const parts = forwarded.map(part => {
    if (part === 'for') return `for=${node(client)}`
    if (part === 'by=ip') return `by=${node(plainAddress(localAddress) ?? 'unknown')}`
    if (part === 'by=unknown') return 'by=unknown'
    return part === 'proto' ? `proto=${scheme}` : `host="${authority}"`
  })
  if (parts.length > 0) append(kept, 'Forwarded', parts.join(';'))
  return kept
}

/** An origin whose cookies are not sent back sets none. */
export function withoutCookies<T extends readonly string[]>(
  headers: T,
  { removed }: ClientFieldSettings,
): T | string[] {
  if (!removed.has('cookie')) return headers
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const [name = '', value = ''] = [headers[i], headers[i + 1]]
    if (name.toLowerCase() !== 'set-cookie') kept.push(name, value)
  }
  return kept
}

/** Without a zone, and IPv4 in its own form. */
const plainAddress = (address: string | undefined): string | undefined =>
  address?.replace(/^::ffff:(?=[\d.]+$)/i, '').replace(/%.*$/, '')

/** RFC 7239 section 6: an IPv6 address stands in brackets and quotes. */
const node = (address: string): string => (isIPv6(address) ? `"${bracketed(address)}"` : address)

function indexOf(headers: readonly string[], name: string): number {
  for (let i = 0; i < headers.length; i += 2) if (headers[i]?.toLowerCase() === name.toLowerCase()) return i
  return -1
}

function setClientIp(headers: string[], client: string, replaces: boolean): void {
  const at = indexOf(headers, 'Client-ip')
  if (at === -1) headers.push('Client-ip', client)
  else if (replaces) {
    headers[at + 1] = client
    for (let i = headers.length - 2; i > at; i -= 2)
      if (headers[i]?.toLowerCase() === 'client-ip') headers.splice(i, 2)
  }
}

/** A list that goes on, in the last field of that name. */
function append(headers: string[], name: string, value: string): void {
  for (let i = headers.length - 2; i >= 0; i -= 2)
    if (headers[i]?.toLowerCase() === name.toLowerCase()) {
      headers[i + 1] = `${headers[i + 1]}, ${value}`
      return
    }
  headers.push(name, value)
}
