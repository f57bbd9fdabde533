import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { ProxyError } from '../base/errors.js'

/**
 * Resolves names to addresses that may be dialled. What it leaves out is not dialled, so a name that means another
 * address a moment later gains nothing.
 */
export function guardLookup(
  lookup: LookupFunction = systemLookup,
  isDenied: (address: string) => boolean,
): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options.all === true ? options : { ...options, all: true }, (error, found) => {
      if (error !== null) {
        callback(error, [])
        return
      }
      const all: readonly LookupAddress[] = typeof found === 'string' ? [] : found
      const allowed = all.filter(({ address }) => !isDenied(address))
      const [first] = allowed
      if (first === undefined) callback(deniedError(hostname), [])
      else if (options.all === true) callback(null, allowed)
      else callback(null, first.address, first.family)
    })
  }
}

/** Says nothing of the address: a client must not map the network behind the proxy by its names. */
export function deniedError(host: string): ProxyError {
  return new ProxyError('PTC_ORIGIN_DENIED', `${host} is not on the public internet`)
}
