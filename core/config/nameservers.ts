import { isIP } from 'node:net'
import { partsOf, quote, type Reading } from './config-file.js'

const REMEDY =
  'write addresses such as 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:53, with blanks or commas between'

/** Reads proxy.config.dns.nameservers. The servers are as `node:dns` takes them. */
export function readNameservers(text: string): Reading<{ readonly servers: readonly string[] }> {
  const servers: string[] = []
  const wrong: string[] = []
  for (const part of partsOf(text)) {
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
