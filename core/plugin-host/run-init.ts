import type { PluginContext, PluginInit } from '../api/plugin.js'
import { ProxyError } from '../base/errors.js'
import { describe, describeThrown } from '../base/thrown.js'
import { type PluginLine, placeOf } from './plugin-line.js'

/**
 * Calls a plugin's init. What it throws gets its place.
 * @throws {ProxyError} PTC_PLUGIN_INIT_FAILED; an error of the context (an unknown hook, say) keeps its code
 */
export async function runInit(init: PluginInit, context: PluginContext, line: PluginLine): Promise<void> {
  try {
    await init(context)
  } catch (cause) {
    const code = ProxyError.codeOf(cause)
    if (code !== undefined) throw new ProxyError(code, `${placeOf(line)}: ${describe(cause)}`, { cause })
    throw new ProxyError(
      'PTC_PLUGIN_INIT_FAILED',
      `${placeOf(line)}: init failed: ${describeThrown(cause)}`,
      {
        cause,
      },
    )
  }
}
