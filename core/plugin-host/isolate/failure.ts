import { ProxyError } from '../../base/errors.js'
import type { Circuit } from './circuit.js'

/** Of one question; the proxy is told that the plugin failed. */
export const failure = (why: string): ProxyError => new ProxyError('PTC_PLUGIN_WORKER', why)

export function outOfService({ retryIn }: Circuit): ProxyError {
  const when = retryIn > 0 ? `in ${retryIn} ms` : 'as soon as one question has been answered'
  return failure(`its workers were lost again and again; it is out of service, and asked again ${when}`)
}
