import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ProxyError } from '../base/errors.js'
import type { AdminApi } from './admin-api.js'
import { type Audit, auditable } from './audit.js'
import { type Described, roleFor } from './openapi.js'
import { doorOf, nameOf, roleOf } from './who.js'

/** What entries of the audit file say about the thing that a route is about: it may be gone afterwards. */
const ABOUT: Readonly<Record<string, (api: AdminApi, id: string) => Promise<unknown>>> = {
  '/v1/parked/:id/': async (api, id) => {
    const found = (await api.parked()).find(one => one.id === Number(id))
    if (found === undefined) return undefined
    const { host, port, address, plugin, client, builtIn, leaf, question } = found
    return { host, port, address, plugin, client, builtIn, sha256: leaf?.sha256, question }
  },
  '/v1/approvals/:id/': async (api, id) => {
    const found = (await api.approvals()).find(one => one.id === id)
    if (found === undefined) return undefined
    const { host, port, client, builtIn, sha256 } = found
    return { host, port, client, builtIn, sha256 }
  },
}

/**
 * Has everything written down that a request decides or changes: before it is done, and how it ended. Where that cannot be
 * written, a route with `audit: 'required'` does nothing; the others go on, so that a full disk keeps no operator from a rejection.
 * @param onError what was not written
 */
export function auditRoutes(
  app: FastifyInstance,
  api: AdminApi,
  audit: Audit,
  onError: (message: string) => void,
): void {
  const ids = new WeakMap<FastifyRequest, string>()
  app.addHook('preHandler', async request => {
    const { method, routeOptions } = request
    const { url, schema } = routeOptions
    if (url === undefined || roleFor(method, schema) === 'read') return
    const id = randomUUID()
    ids.set(request, id)
    const isRequired = (schema as Described | undefined)?.audit === 'required'
    try {
      await audit({ id, ...(await entryOf(api, request, url)) })
    } catch (cause) {
      if (isRequired) throw cause
      onError(ProxyError.textOf(cause))
    }
  })
  // Before the answer leaves: a client that has the answer finds both entries.
  app.addHook('onSend', async (request, reply) => {
    const id = ids.get(request)
    if (id === undefined) return
    await audit({ id, status: reply.statusCode }).catch(cause => onError(ProxyError.textOf(cause)))
  })
}

async function entryOf(api: AdminApi, request: FastifyRequest, url: string) {
  const { method, params, query, body } = request
  const { id = '' } = (params ?? {}) as { readonly id?: string }
  const [, about] = Object.entries(ABOUT).find(([prefix]) => url.startsWith(prefix)) ?? []
  const said = (body as { who?: unknown } | undefined)?.who ?? (query as { who?: unknown } | undefined)?.who
  return {
    did: `${method} ${url}`,
    who: nameOf(request, said),
    by: doorOf(request),
    role: roleOf(request),
    params,
    asked: auditable(body),
    about: await about?.(api, id).catch(() => undefined),
  }
}
