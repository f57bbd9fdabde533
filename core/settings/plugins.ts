/** Settings of plugins. Times are in milliseconds. */
import type { Records } from '../config/records-table.js'

export type PluginSettings = ReturnType<typeof pluginSettings>

export const pluginSettings = (records: Records) =>
  Object.freeze({
    /** As written: relative to the configuration folder. */
    dir: records['proxy.config.plugin.plugin_dir'],
    initTimeout: records['proxy.config.plugin.init_timeout'],
    /** For all plugins together that hold a connection or a transaction outside of TLS handshakes. */
    deadline: records['proxy.config.plugin.deadline'],
    workers: Object.freeze({
      memoryMb: records['proxy.config.plugin.isolate.memory_mb'],
      limits: Object.freeze({
        workers: records['proxy.config.plugin.isolate.workers'],
        hangAfter: records['proxy.config.plugin.isolate.hang_timeout'],
        initTimeout: records['proxy.config.plugin.init_timeout'],
        maxFailures: records['proxy.config.plugin.isolate.max_failures'],
        retryAfter: records['proxy.config.plugin.isolate.retry_after'],
      }),
    }),
  })
