import { parseAuthority } from '../../base/authority.js'
import type { Opening } from './opening.js'

/** How the origin behind a CONNECT is verified: proxy.config.http.connect.verify. */
export type ConnectMode = 'probe' | 'bump' | 'tunnel'

/** All that says where a tunnel leads. */
export interface TunnelNames {
  /** The host of the CONNECT. */
  readonly connect: string
  /** What the client has sent in the tunnel; undefined before that has been read. */
  readonly opening?: Opening
  /** The address of the origin; undefined while it is not known. */
  readonly address?: string
  /** True where a parent proxy resolves the name: the address of the origin stays unknown. */
  readonly isAddressHidden?: boolean
}

/** What the configuration says about hosts. */
export interface TunnelRules {
  readonly modeOf: (host: string) => ConnectMode
  /** The mode of a rule for this very address; undefined where there is none. */
  readonly modeOfAddress: (address: string) => ConnectMode | undefined
  /** The strictest mode of all rules for addresses; undefined where there are none. */
  readonly modeOfHidden?: ConnectMode | undefined
}

export interface TunnelJudgement {
  readonly mode: ConnectMode
  /** What the origin is verified as. */
  readonly host: string
  /** The hosts that the client has named beside that of the CONNECT: plugins are asked about each. */
  readonly others: readonly string[]
  /** The name that the client announces to the origin in TLS. */
  readonly announced: string | undefined
}

const STRICTNESS = { tunnel: 0, probe: 1, bump: 2 } as const satisfies Record<ConnectMode, number>

/**
 * Decides about a tunnel: the only place that does. Every name counts, and the strictest rule wins: a host that has a rule
 * has it under whatever name the client reaches it.
 *
 * In a ClientHello without a name, a host that is verified by a probe is verified as its address: that is what such a
 * handshake is for.
 */
export function judgeTunnel(names: TunnelNames, rules: TunnelRules): TunnelJudgement {
  const { connect, opening, address, isAddressHidden = false } = names
  const named = opening === undefined ? [] : hostsIn(opening)
  const others = [...new Set(named)].filter(host => host !== connect)
  const modes = [connect, ...others].map(rules.modeOf)
  const ofKnown = address === undefined ? undefined : rules.modeOfAddress(address)
  const ofAddress = isAddressHidden ? rules.modeOfHidden : ofKnown
  const mode = modes.reduce(stricter, ofAddress ?? 'tunnel')
  const hello = opening?.kind === 'tls' ? opening.hello : undefined
  const isNameless = hello !== undefined && hello.sni === undefined && mode === 'probe'
  return {
    mode,
    host: hello?.sni ?? (isNameless ? address : undefined) ?? connect,
    others,
    announced: hello?.announced,
  }
}

export const stricter = (a: ConnectMode, b: ConnectMode): ConnectMode =>
  STRICTNESS[a] >= STRICTNESS[b] ? a : b

/** What is no host names none that could have a rule. */
function hostsIn(opening: Opening): readonly string[] {
  if (opening.kind === 'tls') return opening.hello.sni === undefined ? [] : [opening.hello.sni]
  if (opening.kind !== 'http') return []
  return opening.authorities.flatMap(text => {
    const parsed = parseAuthority(text)
    return 'wrong' in parsed ? [] : [parsed.host]
  })
}
