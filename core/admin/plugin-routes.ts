/** The routes about plugins. */
import type { FastifyInstance } from 'fastify'
import { ProxyError } from '../base/errors.js'
import { didYouMean } from '../base/nearest.js'
import type { AdminApi } from './admin-api.js'
import { type PageQuery, pageOf } from './paging.js'
import { SCHEMAS } from './schemas.js'

export function pluginRoutes(app: FastifyInstance, api: AdminApi): void {
  app.get<{ Querystring: PageQuery }>('/v1/plugins', { schema: SCHEMAS.plugins }, async ({ query }) => {
    const { plugins } = await api.status()
    const { rows, next } = pageOf(plugins, one => [one.line, one.name], query)
    return { plugins: rows, next }
  })
  app.post<{ Params: { name: string } }>(
    '/v1/plugins/:name/reload',
    { schema: SCHEMAS.reloadPlugin },
    async ({ params: { name } }) => {
      const known = (await api.status()).plugins.map(plugin => plugin.name)
      if (!known.includes(name)) throw notInForce(name, known)
      await api.reloadPlugins()
      const { generation, plugins } = await api.status()
      return { generation, plugins: plugins.map(plugin => plugin.name) }
    },
  )
  app.post<{ Body: { tag: string; data?: string } }>(
    '/v1/plugin/msg',
    { schema: SCHEMAS.message },
    async ({ body: { tag, data } }) => ({ plugins: await api.message(tag, data) }),
  )
}

function notInForce(name: string, known: readonly string[]): ProxyError {
  const help = didYouMean(name, known) || (known.length === 0 ? '' : `; there are ${known.join(', ')}`)
  return new ProxyError('PTC_ADMIN_REQUEST', `no plugin "${name}" is in force${help}`)
}
