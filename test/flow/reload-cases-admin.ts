/** What shows that a reload takes over the records about operators. */
import { get } from '../kit/client.js'
import type { ReloadCases } from '../kit/reloading.js'
import { poll } from '../kit/watch.js'

const HOLDING = `
export default ({ hookAdd }) => {
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', () => {})
}
`

export const ADMIN_CASES: ReloadCases<'proxy.config.admin.may_accept'> = {
  'proxy.config.admin.may_accept': {
    from: 0,
    to: 1,
    conf: { plugins: ['p.mjs'], modules: { 'p.mjs': HOLDING } },
    probe: async ({ proxy, https }) => {
      const api = proxy.server.adminApi({ version: '', pid: 0, stop: () => 0 })
      const asked = get(proxy.port, `${https}/`, [], 30_000)
      const { id } = await poll(async () => (await api.parked())[0], 'a parked handshake')
      const person = { scope: 'leaf', duration: undefined, who: 'alice', why: undefined } as const
      await api.accept(id, person).catch(() => api.reject(id, 'policy', undefined))
      return (await asked).status
    },
    expect: [502, 200],
  },
}
