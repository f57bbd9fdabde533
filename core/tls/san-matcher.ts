import { isIPv6, SocketAddress } from 'node:net'
import type { AltName } from './certificate-parts.js'
import type { SanMatcher } from './demands.js'

export type SanWay = 'exact' | 'prefix' | 'suffix' | 'regex'

/**
 * A matcher for alternative names of one type.
 *
 * DNS names are compared without regard to case, and a wildcard in a certificate is a `*` and no more. Addresses are
 * compared in their canonical form. A regular expression must match the whole of the name.
 */
export function sanMatcher(type: AltName['type'], way: SanWay, wanted: string): SanMatcher {
  const text = `${type} ${way} ${wanted}`
  const fold = type === 'dns' ? (name: string) => name.toLowerCase() : (name: string) => name
  const is = test(
    way,
    way === 'regex' ? wanted : fold(type === 'ip' ? canonical(wanted) : wanted),
    type === 'dns',
  )
  return { text, matches: name => name.type === type && is(fold(name.value)) }
}

function test(way: SanWay, wanted: string, ignoresCase: boolean): (name: string) => boolean {
  switch (way) {
    case 'exact':
      return name => name === wanted
    case 'prefix':
      return name => name.startsWith(wanted)
    case 'suffix':
      return name => name.endsWith(wanted)
    case 'regex': {
      const whole = new RegExp(`^(?:${wanted})$`, ignoresCase ? 'iu' : 'u')
      return name => whole.test(name)
    }
  }
}

function canonical(address: string): string {
  return isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address
}
