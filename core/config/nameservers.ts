import { isIP } from 'node:net'
import { quote } from './config-file.js'

/** The servers of a text, as `node:dns` takes them, and what is wrong with it. */
export interface NameserversReading {
  readonly servers: readonly string[]
  readonly wrong: readonly string[]
}

const REMEDY =
  'write addresses such as 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:53, with blanks or commas between'

/** Reads proxy.config.dns.nameservers. */
export function readNameservers(text: string): NameserversReading {
  const servers: string[] = []
  const wrong: string[] = []
  for (const part of text.split(/[\s,]+/).filter(part => part !== '')) {
    const server = readServer(part)
    if (server === undefined) wrong.push(`${quote(part)} is no address of a name server; ${REMEDY}`)
    else servers.push(server)
  }
  if (servers.length + wrong.length === 0) wrong.push(`the list names no server; ${REMEDY}`)
  return { servers, wrong }
}

function readServer(part: string): string | undefined {
  if (isIP(part) === 6) return isUsable(part) ? `[${part}]` : undefined
  const [, v6, v4 = '', digits] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(part) ?? []
  const address = v6 ?? v4
  const port = digits === undefined ? 53 : Number(digits)
  const isAddress = isIP(address) === (v6 === undefined ? 4 : 6) && isUsable(address)
  if (!isAddress || port < 1 || port > 65_535) return undefined
  return v6 === undefined ? `${address}:${port}` : `[${address}]:${port}`
}

/** An address with a zone (`fe80::1%eth0`) cannot be given to `node:dns`. */
const isUsable = (address: string): boolean => !address.includes('%')
