import type { PluginFetch } from '../../core/api/fetch.js'
import { ProxyError } from '../../core/base/errors.js'
import type { NameResolver } from '../../core/origin/dial.js'

/** Knows no name: for dials to addresses. */
export const NO_NAMES: NameResolver = failsWith(Object.assign(new Error('no names'), { code: 'ENOTFOUND' }))

/** Answers every name with these addresses. */
export function resolvesTo(...addresses: readonly string[]): NameResolver {
  return {
    resolve: async () =>
      addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 }) as const),
    forget: () => undefined,
  }
}

/** Answers no name, for this reason. */
export function failsWith(error: Error): NameResolver {
  return { resolve: () => Promise.reject(error), forget: () => undefined }
}

/** Of a plugin that fetches nothing. */
export const NO_FETCH: PluginFetch = async () => {
  throw new ProxyError('PTC_FETCH_DENIED', 'fetch: there is no network here')
}
