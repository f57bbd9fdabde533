import { isIPv6, SocketAddress } from 'node:net'
import { ProxyError } from '../../base/errors.js'
import { linearPattern } from '../../base/linear-pattern.js'
import type { AltName } from './certificate-parts.js'
import type { SanMatcher } from './pins.js'

export type SanWay = 'exact' | 'prefix' | 'suffix' | 'regex'

/** Characters: RFC 1035 section 2.3.4, RFC 5321 section 4.5.3.1, the SPIFFE ID standard section 2.3. */
const LONGEST = { dns: 253, email: 320, uri: 2048, ip: 45 } as const satisfies Record<AltName['type'], number>

/**
 * A matcher for alternative names of one type.
 *
 * DNS names are compared without regard to case; a wildcard in a certificate is a literal `*`. Addresses are compared in
 * their canonical form. A regular expression must match the whole name. A name longer than its type allows matches
 * nothing.
 * @throws {ProxyError} PTC_RULES_INVALID for a regular expression that cannot be compiled
 */
export function sanMatcher(type: AltName['type'], way: SanWay, wanted: string): SanMatcher {
  const text = `${type} ${way} ${wanted}`
  const fold = type === 'dns' ? (name: string) => name.toLowerCase() : (name: string) => name
  const { is, cost } = test(
    way,
    way === 'regex' ? wanted : fold(type === 'ip' ? canonical(wanted) : wanted),
    type === 'dns',
  )
  const longest = LONGEST[type]
  return {
    text,
    costOf: ({ type: of, value }) => (of === type && value.length <= longest ? value.length * cost : 0),
    matches: ({ type: of, value }) => of === type && value.length <= longest && is(fold(value)),
  }
}

interface Test {
  readonly is: (name: string) => boolean
  /** The code of a character. */
  readonly cost: number
}

function test(way: SanWay, wanted: string, ignoresCase: boolean): Test {
  switch (way) {
    case 'exact':
      return { is: name => name === wanted, cost: 1 }
    case 'prefix':
      return { is: name => name.startsWith(wanted), cost: 1 }
    case 'suffix':
      return { is: name => name.endsWith(wanted), cost: 1 }
    case 'regex': {
      const whole = linearPattern(wanted, { anchor: 'whole', ignoresCase })
      if ('wrong' in whole) throw new ProxyError('PTC_RULES_INVALID', whole.wrong)
      return { is: whole, cost: whole.cost }
    }
  }
}

function canonical(address: string): string {
  return isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address
}
