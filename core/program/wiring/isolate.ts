import type { Diags } from '../../base/diags.js'
import { describe } from '../../base/thrown.js'
import type { Records } from '../../config/records-table.js'
import type { HookRegistry } from '../../hooks/registry.js'
import { type IsolateOptions, isolateWith } from '../../plugin-host/isolate/isolate.js'
import type { PluginEnv } from '../../plugin-host/load.js'
import type { HandshakeObserver } from '../../tls/outbound/observer.js'

/** Ties the records about isolated plugins to the host of their workers. */
export function makeIsolate(
  records: Records,
  diags: Pick<Diags, 'debug' | 'note' | 'error'>,
  observer: Pick<HandshakeObserver, 'ignoredReenable'>,
  revoke: PluginEnv['revoke'],
  onLoaded?: IsolateOptions['onLoaded'],
): NonNullable<PluginEnv['isolate']> {
  return isolateWith({
    entry: new URL('./isolate-entry.cjs', import.meta.url),
    memoryMb: records['proxy.config.plugin.isolate.memory_mb'],
    limits: {
      workers: records['proxy.config.plugin.isolate.workers'],
      hangAfter: records['proxy.config.plugin.isolate.hang_timeout'],
      initTimeout: records['proxy.config.plugin.init_timeout'],
      maxFailures: records['proxy.config.plugin.isolate.max_failures'],
      retryAfter: records['proxy.config.plugin.isolate.retry_after'],
    },
    onLoaded,
    diagsFor: plugin => ({
      debug: (tag, message) => diags.debug(tag, message),
      note: message => diags.note(message),
      error: message => diags.error(message),
      ignored: (host, why) => observer.ignoredReenable(plugin, host, why),
      revoke: what => {
        try {
          revoke(what, plugin)
        } catch (cause) {
          diags.error(`[${plugin}] ${describe(cause)}`)
        }
      },
    }),
  })
}

/** What is asked in a worker cannot be answered before the call returns. */
export function isolateWarnings(records: Records, registry: HookRegistry): readonly string[] {
  if (records['proxy.config.ssl.client.verify.async'] !== 0) return []
  const plugins = registry
    .on('TS_SSL_CERT_VERIFY_HOOK')
    .flatMap(({ plugin }) => (plugin.isIsolated === true && plugin.mode === 'enforce' ? [plugin] : []))
  return [...new Set(plugins)].map(
    ({ name, line }) =>
      `plugin.config:${line}: plugin ${name} has @isolate=worker, and proxy.config.ssl.client.verify.async is 0: every handshake that it is asked about is REJECTED`,
  )
}
