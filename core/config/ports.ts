import { isIP } from 'node:net'
import { didYouMean } from '../base/nearest.js'
import { partsOf, quote, type Reading } from './config-file.js'

/** One port for clients. */
export interface PortSpec {
  /** 0 takes any free port. */
  readonly port: number
  /** What to listen on; an IPv6 address without brackets. */
  readonly address: string
  readonly family: 'ipv4' | 'ipv6'
  readonly isTls: boolean
  /** Clients speak SOCKS 5 there, and no HTTP. Not in Traffic Server. */
  readonly isSocks: boolean
  /** Connections begin with a header of the PROXY protocol. */
  readonly isAnnounced: boolean
}

const KNOWN = ['ssl', 'socks', 'pp', 'ipv4', 'ipv6', 'ip-in='] as const
/** Traffic Server's other keywords; `=` and `-` may follow those with a value. */
const UNSUPPORTED =
  /^(?:blind|compress|quic|mptcp|allow-plain|tr-(?:full|in|out|pass)|(?:ip-out|ip-resolve|proto)(?:[=-].*)?|pp[=-].*)$/

/** Reads proxy.config.http.server_ports: descriptors separated by blanks or commas, keywords joined by colons. */
export function readServerPorts(text: string): Reading<{ readonly ports: readonly PortSpec[] }> {
  const ports: PortSpec[] = []
  const wrong: string[] = []
  for (const descriptor of partsOf(text)) {
    const reading = readDescriptor(descriptor)
    if (typeof reading === 'string') wrong.push(`${quote(descriptor)}: ${reading}`)
    else if (ports.some(port => isSameListener(port, reading)))
      wrong.push(`${quote(descriptor)}: this port is listed twice`)
    else ports.push(reading)
  }
  if (ports.length + wrong.length === 0) wrong.push('the list names no port')
  return { ports, wrong }
}

type Draft = { -readonly [K in keyof PortSpec]?: PortSpec[K] }

const FLAGS = { ssl: 'isTls', socks: 'isSocks', pp: 'isAnnounced' } as const

/** The port, or what is wrong. */
function readDescriptor(descriptor: string): PortSpec | string {
  const draft: Draft = {}
  for (const keyword of splitKeywords(descriptor)) {
    const wrong = readKeyword(keyword.toLowerCase(), draft)
    if (wrong !== undefined) return wrong
  }
  if (draft.port === undefined) return 'there is no port number'
  if (draft.isTls && draft.isSocks) return 'clients speak SOCKS without TLS; ssl and socks are two ports'
  const family = draft.family ?? 'ipv4'
  if (draft.address !== undefined && isIP(draft.address) !== (family === 'ipv6' ? 6 : 4))
    return `${draft.address} is no ${family} address`
  const address = draft.address ?? (family === 'ipv6' ? '::' : '0.0.0.0')
  const { port, isTls = false, isSocks = false, isAnnounced = false } = draft
  return { port, address, family, isTls, isSocks, isAnnounced }
}

/** Splits at colons, except those of an address in brackets. */
function splitKeywords(descriptor: string): readonly string[] {
  return descriptor.split(/:(?![^[\]]*\])/)
}

/** Puts one keyword into the draft; returns what is wrong with it. */
function readKeyword(keyword: string, draft: Draft): string | undefined {
  if (/^\d+$/.test(keyword)) return putPort(keyword, draft)
  if (keyword === 'ssl' || keyword === 'socks' || keyword === 'pp') {
    draft[FLAGS[keyword]] = true
    return undefined
  }
  if (keyword === 'ipv4' || keyword === 'ipv6') return putFamily(keyword, draft)
  if (keyword.startsWith('ip-in')) return putAddress(keyword.slice('ip-in'.length).replace(/^=/, ''), draft)
  if (UNSUPPORTED.test(keyword)) return `${keyword} is not supported`
  const help =
    didYouMean(keyword, KNOWN) || `; a port is number[:ssl|:socks][:pp][:ipv4|:ipv6][:ip-in=address]`
  return `unknown keyword ${quote(keyword)}${help}`
}

function putPort(digits: string, draft: Draft): string | undefined {
  if (draft.port !== undefined) return 'there are two port numbers; separate ports by a blank'
  if (digits.length > 5 || Number(digits) > 65_535)
    return `${quote(digits)} is not a port; ports end at 65535`
  draft.port = Number(digits)
  return undefined
}

function putFamily(family: 'ipv4' | 'ipv6', draft: Draft): string | undefined {
  if (draft.family !== undefined && draft.family !== family) return `${family} contradicts the rest`
  draft.family = family
  return undefined
}

function putAddress(text: string, draft: Draft): string | undefined {
  const bracketed = /^\[(.*)\]$/.exec(text)?.[1]
  const address = bracketed ?? text
  const version = isIP(address)
  // A colon outside brackets would have split the address; brackets around an IPv4 address say nothing.
  if (version === 0 || (bracketed !== undefined && version === 4))
    return `ip-in needs an IP address, such as ip-in=127.0.0.1 or ip-in=[::1], not ${quote(text)}`
  if (draft.address !== undefined) return 'there are two ip-in addresses; separate ports by a blank'
  draft.address = address
  return putFamily(version === 6 ? 'ipv6' : 'ipv4', draft)
}

function isSameListener(a: PortSpec, b: PortSpec): boolean {
  return a.port !== 0 && a.port === b.port && a.address === b.address
}
