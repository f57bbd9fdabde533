import { parseHostPort } from '../hosts/host-port.js'

/** One line of known_hosts that names a key. */
export interface KnownKey {
  /** SHA-256 of the SubjectPublicKeyInfo, base64. */
  readonly spki: string
  readonly line: number
  /** What stands behind the key: when it was seen first, and in which certificate. */
  readonly remark: string
}

/** Keys by the name of their host, as `hostKey` writes it. */
export type KnownHosts = ReadonlyMap<string, readonly KnownKey[]>

export const HEADER = `# Keys of origins: HOST SPKI REMARK, a key a line. HOST is a name or an address, with :PORT unless that is 443 (IPv6 in
# brackets). SPKI is the SHA-256 of the public key in base64. Several lines of one host: each of these keys is good.
# Written by the plugin known_hosts. Edit it freely: the next handshake is judged by what it says then.
`

/** How a host is named in the file. */
export function hostKey(host: string, port: number): string {
  if (port === 443) return host
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** @throws {Error} that names file, line and mistake, for each wrong line */
export function parseKnownHosts(text: string, file: string): KnownHosts {
  const hosts = new Map<string, KnownKey[]>()
  const wrong: string[] = []
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const [, host = '', spki, remark = ''] = /^(\S+)\s+([A-Za-z0-9+/]{43}=)(?:\s+(.*))?$/.exec(line) ?? []
    const name = readHost(host)
    if (spki === undefined || name === undefined)
      wrong.push(`${file}:${i + 1}: a line is HOST[:PORT] SPKI REMARK, with SPKI in base64 (44 characters)`)
    else hosts.set(name, [...(hosts.get(name) ?? []), { spki, line: i + 1, remark }])
  }
  if (wrong.length > 0) throw new Error(wrong.join('\n'))
  return hosts
}

function readHost(text: string): string | undefined {
  try {
    const { host, port = 443 } = parseHostPort(text)
    return hostKey(host, port)
  } catch {
    return undefined
  }
}

/** A line of the file. What the origin chose is one line of visible characters. */
export function lineFor(name: string, spki: string, seen: Date, remark: string): string {
  const clean = remark.replace(/[^\x20-\x7e]+/g, '?').slice(0, 200)
  return `${name} ${spki} ${seen.toISOString()} ${clean}\n`
}
