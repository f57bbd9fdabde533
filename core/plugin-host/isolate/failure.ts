import { ProxyError } from '../../base/errors.js'
import type { Circuit } from './circuit.js'

/**
 * Of one question; the proxy is told that the plugin failed.
 * @param stack of what it threw in its thread
 */
export function failure(why: string, stack?: string): ProxyError {
  const error = new ProxyError('PTC_PLUGIN_WORKER', why)
  if (stack !== undefined) error.stack = stack
  return error
}

export function outOfService({ retryIn }: Circuit): ProxyError {
  const when = retryIn > 0 ? `in ${retryIn} ms` : 'as soon as one question has been answered'
  return failure(`its workers were lost again and again; it is out of service, and asked again ${when}`)
}
