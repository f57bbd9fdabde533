import { responseFields } from './headers.js'
import type { ResponseHead } from './messages.js'

/** A flat list as `OutgoingMessage.addTrailers` wants it. */
export function pairs(flat: readonly string[]): [string, string][] {
  const out: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) out.push([flat[i] ?? '', flat[i + 1] ?? ''])
  return out
}

/** A 1xx response on the wire; node:http has no way to send one with its fields as they are. */
export function interimText({ status, reason, headers }: ResponseHead, via: string | undefined): string {
  const fields = responseFields(headers, status, false, via)
  if (status === 101) fields.push('Connection', 'Upgrade', 'Upgrade', joinedValue(headers, 'upgrade'))
  const lines = pairs(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n`
}

function joinedValue(headers: readonly string[], wanted: string): string {
  return pairs(headers)
    .filter(([name]) => name.toLowerCase() === wanted)
    .map(([, value]) => value)
    .join(', ')
}
