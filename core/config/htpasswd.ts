import { problemsError, quote, readConfigFile, readLines } from './config-file.js'
import type { NamedFile } from './record-place.js'

/** Names with their bcrypt hashes, in the `$2b$` form. */
export type Htpasswd = ReadonlyMap<string, string>

/** bcrypt's cost is a power of two: beyond 2^15 one check takes seconds, and a client could keep the proxy busy. */
const MAX_COST = 15

/**
 * Reads a file as Apache's `htpasswd -B` writes it: `name:$2y$…` lines.
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE, or PTC_HTPASSWD_INVALID with every bad line; no error shows a hash
 */
export const loadHtpasswd = ({ path, by }: NamedFile): Htpasswd =>
  parseHtpasswd(readConfigFile(path, by), path)

/** @throws {ProxyError} PTC_HTPASSWD_INVALID */
export function parseHtpasswd(text: string, file: string): Htpasswd {
  const users = new Map<string, string>()
  readLines(text, file, 'PTC_HTPASSWD_INVALID', line => {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(colon, 0))
    const hash = line.slice(colon + 1)
    const wrong = wrongWith(name, hash) ?? (users.has(name) ? `${quote(name)} is listed twice` : undefined)
    // $2a$ and $2y$ mean the same computation as $2b$, which is the one the library knows.
    if (wrong === undefined) users.set(name, `$2b$${hash.slice(4)}`)
    return wrong
  })
  if (users.size > 0) return users
  const none = { where: file, what: 'the file names nobody, so nobody could use the proxy' }
  throw problemsError('PTC_HTPASSWD_INVALID', [none])
}

const AGAIN = 'make the entry again with htpasswd -B'

function wrongWith(name: string, hash: string): string | undefined {
  if (name === '') return `the line is not name:hash; ${AGAIN}`
  const cost = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(hash)?.[1]
  if (cost === undefined) return `${quote(name)} has ${kindOf(hash)}; ${AGAIN}`
  if (Number(cost) < 4 || Number(cost) > MAX_COST)
    return `${quote(name)} has a bcrypt cost of ${Number(cost)}; it must be 4 to ${MAX_COST}: ${AGAIN} -C 10`
  return undefined
}

function kindOf(hash: string): string {
  if (hash.startsWith('{SHA}')) return 'an unsalted SHA-1 hash, which is not accepted'
  if (hash.startsWith('$apr1$') || hash.startsWith('$1$')) return 'an MD5 hash, which is not accepted'
  if (/^\$[56]\$/.test(hash)) return 'a SHA-2 crypt hash, which is not supported'
  if (/^\$2[aby]\$/.test(hash)) return 'a bcrypt hash that is damaged'
  return 'no bcrypt hash'
}
