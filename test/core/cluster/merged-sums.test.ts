import { test } from 'tap'
import type { PluginStatus, Status } from '../../../core/admin/admin-api.js'
import { withAllWorkers } from '../../../core/cluster/merged-sums.js'

test('a plugin has the workers of all processes, and one without them is not hidden', async t => {
  const plugin = (serving: number, outOfService: PluginStatus['hooks']): PluginStatus => ({
    ...{ name: 'p', line: 1, mode: 'enforce', isolate: 'worker', hooks: [] },
    workers: { serving, processesWithout: serving === 0 ? 1 : 0, outOfService },
  })
  const status = (...plugins: readonly PluginStatus[]) => ({ plugins }) as unknown as Status
  const first = plugin(2, [])
  const other = { ...plugin(7, []), line: 2 }
  const all = [status(first, other), status(plugin(0, ['TS_SSL_CERT_VERIFY_HOOK'])), status()]
  t.strictSame(withAllWorkers(first, all).workers, {
    serving: 2,
    processesWithout: 1,
    outOfService: ['TS_SSL_CERT_VERIFY_HOOK'],
  })
  const { workers: _, ...inThread } = first
  t.strictSame(withAllWorkers(inThread, [status(inThread)]), inThread)
})
