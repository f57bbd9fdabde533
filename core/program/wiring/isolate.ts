import type { Diags } from '../../base/diags.js'
import { describe } from '../../base/thrown.js'
import type { HookRegistry } from '../../hooks/registry.js'
import { type IsolateOptions, isolateWith } from '../../plugin-host/isolate/isolate.js'
import type { PluginEnv } from '../../plugin-host/load.js'
import type { PluginSettings } from '../../settings/program.js'
import type { HandshakeObserver } from '../../tls/outbound/observer.js'

/** Gives the settings of isolated plugins to the host of their workers. */
export function makeIsolate(
  { memoryMb, limits }: PluginSettings['workers'],
  diags: Pick<Diags, 'debug' | 'note' | 'error'>,
  observer: Pick<HandshakeObserver, 'ignoredReenable'>,
  revoke: PluginEnv['revoke'],
  servicesFor: IsolateOptions['servicesFor'],
  onLoaded?: IsolateOptions['onLoaded'],
): NonNullable<PluginEnv['isolate']> {
  return isolateWith({
    memoryMb,
    limits,
    onLoaded,
    servicesFor,
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

/** A worker cannot answer before the call returns. @param isSynchronous whether plugins have to */
export function isolateWarnings(isSynchronous: boolean, registry: HookRegistry): readonly string[] {
  if (!isSynchronous) return []
  const plugins = registry
    .on('TS_SSL_CERT_VERIFY_HOOK')
    .flatMap(({ plugin }) => (plugin.isIsolated === true && plugin.mode === 'enforce' ? [plugin] : []))
  return [...new Set(plugins)].map(
    ({ name, line }) =>
      `plugin.config:${line}: plugin ${name} has @isolate=worker, and proxy.config.ssl.client.verify.async is 0: every handshake that it is asked about is REJECTED`,
  )
}
