import { ProxyError } from '../base/errors.js'
import { readConfigFile } from './config-file.js'
import type { ParentEntry } from './parent-list.js'

/** How this proxy proves to a parent proxy that it may use it. */
export type ParentCredentials =
  | { readonly kind: 'basic'; readonly user: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }

/**
 * Reads a file with one line: `basic USER:PASSWORD` or `bearer TOKEN`. No error shows what stands there.
 * @param by what names the file, as errors call it
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE, PTC_PARENT_CONFIG_INVALID
 */
export function loadParentCredentials(path: string, by: string): ParentCredentials {
  const lines = readConfigFile(path, by)
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
  const [, kind = '', rest = ''] = /^(basic|bearer)[ \t]+(.+)$/i.exec(lines[0] ?? '') ?? []
  const credentials = lines.length === 1 ? credentialsOf(kind.toLowerCase(), rest) : undefined
  if (credentials !== undefined) return credentials
  throw new ProxyError(
    'PTC_PARENT_CONFIG_INVALID',
    `${by}: ${path} must hold one line, basic USER:PASSWORD or bearer TOKEN`,
  )
}

/** What is wrong with these credentials for these parents; undefined where nothing is. */
export function wrongForParents(
  credentials: ParentCredentials | undefined,
  parents: readonly Pick<ParentEntry, 'scheme'>[],
): string | undefined {
  const isSocks = parents.some(({ scheme }) => scheme === 'socks5')
  return isSocks && credentials?.kind === 'bearer'
    ? 'a socks5 parent takes basic credentials only'
    : undefined
}

/** Undefined: it is neither. */
function credentialsOf(kind: string, text: string): ParentCredentials | undefined {
  if (kind === 'bearer') return /^[a-z0-9._~+/-]+=*$/i.test(text) ? { kind, token: text } : undefined
  const colon = text.indexOf(':')
  if (kind !== 'basic' || colon < 1 || /\p{Cc}/u.test(text)) return undefined
  return { kind, user: text.slice(0, colon), password: text.slice(colon + 1) }
}
