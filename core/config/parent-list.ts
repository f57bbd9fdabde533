import { parseAuthority } from '../base/authority.js'
import { quote } from './config-file.js'

const PARENT_SCHEMES = ['http', 'https', 'socks5'] as const

/** A parent proxy as a list names it. */
export interface ParentEntry {
  readonly scheme: (typeof PARENT_SCHEMES)[number]
  /** A name in ASCII or an address, IPv6 without brackets. */
  readonly host: string
  readonly port: number
  /** For consistent_hash. */
  readonly weight: number
  /** For consistent_hash: the text that is hashed for this parent; by default `host:port`. */
  readonly hashedAs: string
}

/**
 * Reads a list of parents: `host:port`, or a URL without a path, each with `|weight` and `&string` behind it if wanted;
 * separated by semicolons or commas.
 * @returns or what is wrong with it
 */
export function parseParentList(text: string): readonly ParentEntry[] | { readonly wrong: string } {
  const entries: ParentEntry[] = []
  for (const part of text.split(/[;,]/).map(piece => piece.trim())) {
    if (part === '') continue
    const entry = parseEntry(part)
    if ('wrong' in entry) return text.includes('@') ? { wrong: MAY_HOLD_PASSWORD } : entry
    entries.push(entry)
  }
  return entries.length === 0 ? { wrong: 'the list names no parent' } : entries
}

/** Said in place of a mistake in a text with `@`: the text may hold a password, and is not shown. */
export const MAY_HOLD_PASSWORD =
  'a parent carries a user name or password; put them into a file, and name it: credentials=FILE'

const ENTRY = /^(?:([a-z][a-z0-9]*):\/\/)?([^|&]*?)\/?(?:\|([^|&]*))?(?:&([^|&]*))?$/i

function parseEntry(text: string): ParentEntry | { readonly wrong: string } {
  const [, word = 'http', authority = '', weightText, name] = ENTRY.exec(text) ?? []
  const scheme = PARENT_SCHEMES.find(known => known === word.toLowerCase())
  if (scheme === undefined)
    return {
      wrong: `${quote(text)}: a parent is reached by ${PARENT_SCHEMES.join(', ')}, not by ${quote(word)}`,
    }
  if (authority.includes('@')) return { wrong: MAY_HOLD_PASSWORD }
  const parsed = parseAuthority(Buffer.from(authority, 'utf8').toString('latin1'))
  if ('wrong' in parsed) return { wrong: `${quote(text)} is no parent: it ${parsed.wrong}` }
  const { host, port } = parsed
  if (port === undefined) return { wrong: `${quote(text)} has no port; write host:port` }
  const weight = weightText === undefined ? 1 : Number(weightText)
  if (!(weight > 0 && Number.isFinite(weight)))
    return { wrong: `${quote(text)}: the weight behind | must be a number above 0` }
  return { scheme, host, port, weight, hashedAs: name ?? `${host}:${port}` }
}
