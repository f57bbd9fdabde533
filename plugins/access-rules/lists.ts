/** Named lists of access.yaml: a list holds for a request if one of its texts does. */
import { isIP } from 'node:net'
import { readAddresses } from '../hosts/addresses.js'

/** What a rule looks at. */
export interface Request {
  /** The client's address, without a zone; IPv4 in its plain form. */
  readonly client: string
  /** The name under which the client has logged in; undefined without a login. */
  readonly user: string | undefined
  readonly groups: readonly string[]
  readonly method: string
  /** In lower case, an IPv6 address without brackets. */
  readonly host: string
  readonly port: number
}

export type Holds = (request: Request) => boolean

/** What a list may be of. */
export const KINDS: Readonly<Record<string, (texts: readonly string[]) => Holds>> = {
  clients: texts => {
    const isListed = readAddresses(texts)
    return ({ client }) => isListed(client)
  },
  users: texts => {
    const names = new Set(texts)
    return ({ user }) => user !== undefined && names.has(user)
  },
  groups: texts => {
    const names = new Set(texts)
    return ({ groups }) => groups.some(group => names.has(group))
  },
  hosts: texts => {
    const names = new Set(texts.map(text => hostName(text)))
    return ({ host }) => {
      if (names.has(host) || names.has(`.${host}`)) return true
      for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1))
        if (names.has(host.slice(dot))) return true
      return false
    }
  },
  methods: texts => {
    const methods = new Set(texts.map(text => text.toUpperCase()))
    return ({ method }) => methods.has(method)
  },
  ports: texts => {
    const ranges = texts.map(portRange)
    return ({ port }) => ranges.some(([first, last]) => first <= port && port <= last)
  },
}

/** `.example.net` means the name and all names below it, as in Squid. */
function hostName(text: string): string {
  const name = text.toLowerCase().replace(/\.$/, '')
  const bare = name.replace(/^\[(.*)\]$/, '$1')
  if (isIP(bare) !== 0) return isIP(bare) === 6 ? new URL(`http://[${bare}]/`).hostname.slice(1, -1) : bare
  if (!/^\.?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(name))
    throw new Error(
      `"${text}" is no host: write a name, an address, or .example.net for all names below it too`,
    )
  return name
}

function portRange(text: string): readonly [first: number, last: number] {
  const [, first = '', last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? []
  if (first === '' || Number(first) > Number(last) || Number(last) > 65_535)
    throw new Error(`"${text}" is no port: write 443, or a range such as 1025-65535`)
  return [Number(first), Number(last)]
}
