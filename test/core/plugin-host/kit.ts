import type { PluginEnv } from '../../../core/plugin-host/load.js'
import { Managed } from '../../../core/plugin-host/managed.js'
import type { LoadedLine } from '../../../core/plugin-host/resolve.js'
import { SharedServices } from '../../../core/plugin-host/services/services.js'
import { NO_FETCH } from '../../kit/names.js'
import { makeTempDir, type TempDir } from '../../kit/temp-dir.js'

/** A line of plugin.config, as the parser would hand it over. */
export function pluginLine(path: string, line = 1, ...args: string[]): LoadedLine {
  const name = path.replace(/^.*\//, '').replace(/\.(so|[cm]?[jt]s)$/, '')
  const options = { isolate: 'none', mode: 'enforce', late: 'reject' } as const
  return { confDir: '/conf', file: 'plugin.config', line, path, name, argv: [path, ...args], options }
}

export interface HostKit {
  readonly dir: TempDir
  readonly env: PluginEnv & { readonly managed: Managed }
  /** What was logged, as `LEVEL message` or `DEBUG tag message`. */
  readonly log: string[]
}

/** A host whose plugin_dir is a new directory. The plugins in it write to `globalThis[key]`, a list of the test's. */
export function makeHost(overrides: Partial<PluginEnv> = {}): HostKit {
  const dir = makeTempDir()
  const log: string[] = []
  const services = new SharedServices()
  const env: HostKit['env'] = {
    managed: new Managed(),
    confDir: dir.path,
    pluginDir: '.',
    shippedDirs: [],
    stripsTypes: false,
    initTimeout: 5000,
    revoke: (what, by) => log.push(`REVOKE ${by} ${JSON.stringify(what)}`),
    servicesFor: plugin => services.of(plugin, NO_FETCH),
    diags: {
      debug: (tag, message) => log.push(`DEBUG ${tag} ${message}`),
      note: message => log.push(`NOTE ${message}`),
      error: message => log.push(`ERROR ${message}`),
    },
    ...overrides,
  }
  return { dir, env, log }
}
