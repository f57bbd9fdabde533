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
 * DNS names are compared without regard to case, and a wildcard in a certificate is a `*` and no more. Addresses are
 * compared in their canonical form. A regular expression must match the whole of the name. A name that is longer than
 * its type allows matches nothing.
 * @throws {ProxyError} PTC_RULES_INVALID for a regular expression that cannot be compiled
 */
export function sanMatcher(type: AltName['type'], way: SanWay, wanted: string): SanMatcher {
  const text = `${type} ${way} ${wanted}`
  const fold = type === 'dns' ? (name: string) => name.toLowerCase() : (name: string) => name
  const is = test(
    way,
    way === 'regex' ? wanted : fold(type === 'ip' ? canonical(wanted) : wanted),
    type === 'dns',
  )
  const longest = LONGEST[type]
  return {
    text,
    matches: ({ type: of, value }) => of === type && value.length <= longest && is(fold(value)),
  }
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
      const whole = linearPattern(wanted, { anchor: 'whole', ignoresCase })
      if ('wrong' in whole) throw new ProxyError('PTC_RULES_INVALID', whole.wrong)
      return whole
    }
  }
}

function canonical(address: string): string {
  return isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address
}
