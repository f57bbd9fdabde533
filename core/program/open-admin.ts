import type { AdminApi } from '../admin/admin-api.js'
import type { AppParts } from '../admin/app.js'
import { auditFile as auditTo } from '../admin/audit.js'
import type { PluginTotals, ProxyTotals } from '../admin/metrics.js'
import { type Measured, Samples } from '../admin/samples.js'
import { type Admin, lazyApp, openPort, openSocket } from '../admin/server.js'
import type { Diags } from '../base/diags.js'
import { ProxyError } from '../base/errors.js'
import type { Role } from '../base/roles.js'
import { describe } from '../base/thrown.js'
import { checkSocketPath } from '../config/admin-socket.js'
import type { OwnListener } from '../origin/denied-addresses.js'
import type { Settings } from '../settings/settings.js'

/** What is managed, and how. */
export interface AdminParts {
  readonly settings: Settings['admin']
  readonly diags: Diags
  readonly api: AdminApi
  readonly metrics: Pick<MetricsSource, 'text' | 'measure' | 'close'>
  readonly onPort: (port: ManagementPort) => void
}

/** The management port, which is open. */
export interface ManagementPort extends OwnListener {
  /** `https://127.0.0.1:8083` */
  readonly origin: string
}

/**
 * Opens the management socket and the management port, if the records name them. Where one cannot be opened, a warning is
 * logged and the proxy runs without it.
 */
export async function openAdmin(parts: AdminParts): Promise<Pick<Admin, 'close'>> {
  const { diags, api, metrics, onPort } = parts
  const onError = (message: string): void => diags.error(message)
  const { socket, listen, tokenFile, auditFile, tls } = parts.settings
  const samples = listen === undefined ? undefined : new Samples(metrics.measure)
  samples?.start(onError)
  const page: { open?: (who: string, role: Role) => string } = {}
  const audit = auditTo(auditFile)
  const appParts: AppParts = {
    metrics: metrics.text,
    samples: since => {
      if (samples !== undefined) return samples.after(since)
      throw new ProxyError('PTC_ADMIN_REQUEST', 'nothing is measured: proxy.config.admin.listen is NULL')
    },
    onError,
    audit,
    dashboard: (who, role) => {
      if (page.open !== undefined) return page.open(who, role)
      throw new ProxyError('PTC_ADMIN_REQUEST', 'there is no page: proxy.config.admin.listen is NULL')
    },
  }
  const serve = lazyApp(api, appParts, onError)
  const opened: Admin[] = []
  const open = async (record: string, work: () => Promise<Admin>): Promise<void> => {
    try {
      const admin = await work()
      opened.push(admin)
    } catch (cause) {
      diags.warning(`${describe(cause)}; this proxy runs without, see ${record}`)
    }
  }
  if (listen !== undefined)
    await open('proxy.config.admin.listen', async () => {
      const [{ readTokens, TokenGuard }, { AdminPort }] = await Promise.all([
        import('../admin/token.js'),
        import('../admin/port.js'),
      ])
      const desk = { api, audit, onError }
      const guard = new AdminPort(new TokenGuard(await readTokens(tokenFile)), serve, desk, tls !== undefined)
      const port = await openPort(listen, guard.handle, onError, tls)
      guard.opened(port.address, port.port)
      onPort({ address: port.address, port: port.port, origin: guard.origin })
      page.open = (who, role) => `${guard.origin}/login?code=${guard.sessions.link(who, role)}`
      return { ...port, at: guard.origin }
    })
  if (socket !== undefined)
    await open('proxy.config.admin.socket', () => openSocket(checkSocketPath(socket), serve, onError))
  // When this is read, all of them are open.
  for (const { at } of opened) diags.note(`managed through ${at}`)
  return {
    close: async () => {
      samples?.close()
      metrics.close()
      await Promise.all(opened.map(admin => admin.close()))
    },
  }
}

/** All metrics. */
export interface MetricsSource {
  /** In the text format of Prometheus. */
  readonly text: () => Promise<string>
  /** As plain data, which another process adds up. */
  readonly json: () => Promise<readonly object[]>
  /** What has been counted so far, as plain data; nothing where no metric was asked for. */
  readonly counted: () => Promise<readonly object[]>
  /** What the page plots, of this process. */
  readonly sample: () => Promise<Measured['values']>
  /** The same, of each process that serves. */
  readonly measure: () => Promise<readonly Measured[]>
  readonly close: () => void
}

/** Where there is a port, handshakes are counted from now on; otherwise with the first question. */
export async function metricsOf(
  api: AdminApi,
  isCounted: boolean,
  totals: ProxyTotals,
  plugins: PluginTotals,
): Promise<MetricsSource> {
  const load = async () => {
    const { ProxyMetrics } = await import('../admin/metrics.js')
    return new ProxyMetrics(api, totals, plugins)
  }
  let made = isCounted ? load() : undefined
  await made
  const metrics = () => {
    made ??= load()
    return made
  }
  return {
    text: async () => (await metrics()).text(),
    json: async () => (await metrics()).json(),
    counted: async () => (await made)?.counted() ?? [],
    sample: async () => (await metrics()).sample(),
    measure: async () => [{ process: '', values: await (await metrics()).sample() }],
    close: () => void made?.then(loaded => loaded.close()),
  }
}
