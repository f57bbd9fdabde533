import { isIP } from 'node:net'
import { parseAuthority } from '../base/authority.js'
import { ProxyError } from '../base/errors.js'
import { parseHost } from '../base/host.js'
import { AddressSet } from './address-range.js'
import { partsOf } from './config-file.js'
import { BY_ITSELF, type ParentLine } from './parent-config.js'
import type { ParentCredentials } from './parent-credentials.js'
import type { ParentEntry } from './parent-list.js'
import type { ParentMatch } from './parent-match.js'

type Env = Readonly<Record<string, string | undefined>>

/** What a URL says about a parent: its address, and the credentials that are sent to it. */
export interface ParentUrl {
  readonly entry: ParentEntry
  readonly credentials: ParentCredentials | undefined
}

/** The port of a proxy that is named without one, as in curl. */
const DEFAULT_PORTS = { http: 1080, https: 443, socks5: 1080 } as const
const SCHEMES: Readonly<Record<string, ParentEntry['scheme']>> = {
  http: 'http',
  https: 'https',
  socks5: 'socks5',
  socks5h: 'socks5',
}

/**
 * Reads `http|https|socks5://[user:password@]host[:port]`, or `host:port` for http.
 * @param by what names it, as errors call it; no error shows the URL, which may hold a password
 * @throws {ProxyError} PTC_PARENT_CONFIG_INVALID
 */
export function parseParentUrl(text: string, by: string): ParentUrl {
  const [, word = 'http', login, authority = ''] =
    /^(?:([a-z][a-z0-9+.-]*):\/\/)?(?:([^/?#]*)@)?([^/?#@]*)\/?$/i.exec(text.trim()) ?? []
  const scheme = SCHEMES[word.toLowerCase()]
  if (scheme === undefined || authority === '')
    throw invalid(by, 'must be a URL: http, https or socks5://[user:password@]host:port')
  const parsed = parseAuthority(Buffer.from(authority, 'utf8').toString('latin1'))
  if ('wrong' in parsed) throw invalid(by, `names no host: it ${parsed.wrong}`)
  const { host, port = DEFAULT_PORTS[scheme] } = parsed
  const entry = { scheme, host, port, weight: 1, hashedAs: `${host}:${port}` }
  return { entry, credentials: login === undefined ? undefined : readLogin(login, by) }
}

function readLogin(text: string, by: string): ParentCredentials {
  const [user = '', ...rest] = text.split(':')
  try {
    const credentials = {
      kind: 'basic' as const,
      user: decodeURIComponent(user),
      password: decodeURIComponent(rest.join(':')),
    }
    if (credentials.user !== '' && !/\p{Cc}/u.test(credentials.user + credentials.password))
      return credentials
  } catch {
    // said below
  }
  throw invalid(by, 'has a user name or password that cannot be read; write special characters as %XX')
}

const invalid = (by: string, what: string): ProxyError =>
  new ProxyError('PTC_PARENT_CONFIG_INVALID', `${by} ${what}`)

/** The value of a variable, in small letters first; an empty one is none. */
function variableOf(env: Env, name: string): { readonly text: string; readonly by: string } | undefined {
  for (const by of [name.toLowerCase(), name]) {
    const text = env[by]?.trim() ?? ''
    if (text !== '') return { text, by: `the environment variable ${by}` }
  }
  return undefined
}

/**
 * What HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say, by the rules of curl. As there, a proxy that is named is never
 * gone past.
 * @throws {ProxyError} PTC_PARENT_CONFIG_INVALID
 */
export function parentsOfEnvironment(env: Env): readonly ParentLine[] {
  const except = variableOf(env, 'NO_PROXY')
  if (except?.text === '*') return []
  const all = variableOf(env, 'ALL_PROXY')
  const lines = (['http', 'https'] as const).flatMap(scheme => {
    const found = variableOf(env, `${scheme.toUpperCase()}_PROXY`) ?? all
    return found === undefined ? [] : [lineFor({ scheme }, found.by, found.text)]
  })
  if (lines.length === 0) return []
  return [...(except === undefined ? [] : exceptionsOf(except.text, except.by)), ...lines]
}

function lineFor(match: ParentMatch, by: string, url?: string): ParentLine {
  const parent = url === undefined ? undefined : parseParentUrl(url, by)
  const parents = parent === undefined ? [] : [parent.entry]
  const goesDirect = parent === undefined
  return { ...BY_ITSELF, match, parents, goesDirect, credentials: parent?.credentials, where: by }
}

/** Names with what is below them, addresses and networks; a first dot says nothing, as in curl. */
function exceptionsOf(text: string, by: string): readonly ParentLine[] {
  return partsOf(text).map(part => {
    const bare = part.replace(/^\./, '').replace(/^\[(.*)\]$/, '$1')
    const ip = new AddressSet()
    if ((isIP(bare) !== 0 || bare.includes('/')) && ip.add(bare)) return lineFor({ ip }, by)
    const host = parseHost(bare)
    if (host === undefined)
      throw invalid(by, `names no host and no network: ${JSON.stringify(part.slice(0, 80))}`)
    return lineFor({ domain: host.name }, by)
  })
}
