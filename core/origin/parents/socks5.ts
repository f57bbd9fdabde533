/** SOCKS 5 to a parent, as its client (RFC 1928, RFC 1929). Names are sent as they are: the parent resolves them. */
import { isIP, isIPv6 } from 'node:net'
import { authorityText } from '../../base/authority.js'
import { ProxyError } from '../../base/errors.js'
import { addressBytes } from '../../base/network.js'
import {
  CONNECT,
  IPV4,
  IPV6,
  LOGIN_VERSION,
  NAME,
  NO_LOGIN,
  NO_METHOD,
  SOCKS_VERSION,
  WITH_LOGIN,
} from '../../base/socks.js'
import type { Dialogue } from './dialogue.js'
import { type Parent, parentText, unauthorized } from './way.js'

/** The longest user name, and the longest password. */
const MAX_BYTES = 255

/** RFC 1928 section 6. */
const REPLIES: Readonly<Record<number, string>> = {
  1: 'general failure',
  2: 'not allowed by its rules',
  3: 'network unreachable',
  4: 'host unreachable',
  5: 'connection refused',
  6: 'TTL expired',
  7: 'command not supported',
  8: 'address type not supported',
}

/** @param host a name or an address, IPv6 without brackets */
export function socksDialogue(parent: Parent, host: string, port: number): Dialogue {
  const login = loginOf(parent)
  const methods = login === undefined ? [NO_LOGIN] : [NO_LOGIN, WITH_LOGIN]
  let state: 'method' | 'login' | 'request' = 'method'
  let pending = Buffer.alloc(0)
  return {
    first: Buffer.from([SOCKS_VERSION, methods.length, ...methods]),
    take: bytes => {
      pending = Buffer.concat([pending, bytes])
      if (state === 'request') return readReply()
      if (pending.length < 2) return {}
      const [version, word] = pending
      pending = pending.subarray(2)
      if (state === 'login') return afterLogin(version, word)
      if (version !== SOCKS_VERSION) throw malformed(parent, 'it is no SOCKS 5')
      if (word === WITH_LOGIN && login !== undefined) {
        state = 'login'
        return { say: login }
      }
      if (word === NO_LOGIN) return ask()
      if (word === NO_METHOD) throw unauthorized(parent)
      throw malformed(parent, `it chose method ${word}, which was not offered`)
    },
  }

  function afterLogin(version: number | undefined, status: number | undefined): { readonly say: Buffer } {
    if (version !== LOGIN_VERSION) throw malformed(parent, 'its answer to the login is none of RFC 1929')
    if (status !== 0) throw unauthorized(parent)
    return ask()
  }

  function ask(): { readonly say: Buffer } {
    state = 'request'
    const at =
      isIP(host) === 0 ? nameBytes() : Buffer.from([isIPv6(host) ? IPV6 : IPV4, ...addressBytes(host)])
    return {
      say: Buffer.concat([
        Buffer.from([SOCKS_VERSION, CONNECT, 0]),
        at,
        Buffer.from([port >> 8, port & 0xff]),
      ]),
    }
  }

  function nameBytes(): Buffer {
    const name = Buffer.from(host, 'latin1')
    return Buffer.concat([Buffer.from([NAME, name.length]), name])
  }

  /** The bound address in it says nothing that is used. */
  function readReply(): { readonly rest?: Buffer } {
    const [version, reply, , type, length = 0] = pending
    if (version !== undefined && version !== SOCKS_VERSION)
      throw malformed(parent, 'its reply is none of RFC 1928')
    if (reply !== undefined && reply !== 0) {
      const why = REPLIES[reply] ?? `reply ${reply}`
      const text = `the parent proxy ${parentText(parent)} refused ${authorityText(host, port)}: ${why}`
      throw new ProxyError('PTC_PARENT_REFUSED', text)
    }
    if (pending.length < 5) return {}
    const size = type === IPV4 ? 4 : type === IPV6 ? 16 : type === NAME ? length + 1 : undefined
    if (size === undefined) throw malformed(parent, `its reply has the address type ${type}`)
    const end = 4 + size + 2
    return pending.length < end ? {} : { rest: pending.subarray(end) }
  }
}

/** The request of RFC 1929; undefined where there are no credentials. */
function loginOf(parent: Parent): Buffer | undefined {
  const { credentials } = parent
  if (credentials?.kind !== 'basic') return undefined
  const parts = [credentials.user, credentials.password].map(text => Buffer.from(text, 'utf8'))
  if (parts.some(({ length }) => length === 0 || length > MAX_BYTES))
    throw new ProxyError(
      'PTC_PARENT_AUTH',
      `the credentials for ${parentText(parent)} do not fit into SOCKS 5`,
    )
  return Buffer.concat([
    Buffer.from([LOGIN_VERSION]),
    ...parts.flatMap(part => [Buffer.from([part.length]), part]),
  ])
}

const malformed = (parent: Parent, why: string): ProxyError =>
  new ProxyError('PTC_PARENT_MALFORMED', `${parentText(parent)} did not answer in SOCKS 5: ${why}`)
