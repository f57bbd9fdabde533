import type { Reject } from '../api/verdict.js'
import { type ErrorCode, ProxyError } from '../base/errors.js'

/** The plugin that ended a wait without an acceptance, and how. */
export interface Refusal {
  readonly plugin: string
  readonly by: 'plugin' | 'plugin-failed' | 'deadline'
  /** What limits the time that is over: a record, or an option of the plugin's line. */
  readonly limit?: string
  /** The words of a rejection. */
  readonly reason?: Reject['reason']
  readonly detail?: string
}

/** A plugin has refused what it was asked about, has failed, or has said nothing in time. */
export class PluginRefused extends ProxyError {
  readonly refusal: Refusal

  constructor(code: ErrorCode, message: string, refusal: Refusal) {
    super(code, message)
    this.refusal = refusal
  }
}

/** The plugin, what it held, and the setting that ended the wait. */
export function tooLate(plugin: string, what: string, limit: string | undefined): string {
  return `plugin ${plugin} did not answer about ${what} in time${limit === undefined ? '' : ` (${limit})`}`
}

/**
 * The error for a refusal; what a plugin that failed has thrown is in the log alone.
 * @param code of a rejection
 * @param what was refused: `the request`
 */
export function refused(code: ErrorCode, what: string, refusal: Refusal): PluginRefused {
  const { plugin, by, reason, detail } = refusal
  if (by === 'deadline') {
    const text = tooLate(plugin, what, refusal.limit)
    return new PluginRefused('PTC_PLUGIN_TIMEOUT', text, refusal)
  }
  if (by === 'plugin-failed') {
    const text = `plugin ${plugin} failed when it was asked about ${what}`
    return new PluginRefused('PTC_PLUGIN_FAILED', text, refusal)
  }
  const why = detail === undefined ? reason : `${reason}, ${detail}`
  return new PluginRefused(code, `plugin ${plugin} refused ${what}: ${why}`, refusal)
}
