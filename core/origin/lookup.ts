import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import { isIPv6, type LookupFunction } from 'node:net'

/**
 * Resolves names by a host file first, then by `next`, which is the system's resolver.
 * @param hosts names in lower case, with their addresses; as a function, because a reload exchanges it
 */
export function makeLookup(
  hosts: () => ReadonlyMap<string, readonly string[]>,
  next: LookupFunction = systemLookup,
): LookupFunction {
  return (hostname, options, callback) => {
    const addresses = hosts().get(hostname.toLowerCase())
    if (addresses === undefined) {
      next(hostname, options, callback)
      return
    }
    const found = addresses.map((address): LookupAddress => ({ address, family: isIPv6(address) ? 6 : 4 }))
    const [first = { address: '', family: 4 }] = found
    if (options.all === true) queueMicrotask(() => callback(null, found))
    else queueMicrotask(() => callback(null, first.address, first.family))
  }
}
