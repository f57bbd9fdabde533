import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { AdminApi } from './admin-api.js'
import { type Auditing, auditable, begun } from './audit.js'
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
  '/v1/answers/:id/': async (api, id) => {
    const found = (await api.answers()).find(one => one.id === id)
    if (found === undefined) return undefined
    const { host, port, verdict, scope, sha256 } = found
    return { host, port, verdict, scope, sha256 }
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
 */
export function auditRoutes(app: FastifyInstance, api: AdminApi, auditing: Auditing): void {
  const ends = new WeakMap<FastifyRequest, (status: number) => Promise<void>>()
  app.addHook('preHandler', async request => {
    const { method, routeOptions } = request
    const { url, schema } = routeOptions
    if (url === undefined || roleFor(method, schema) === 'read') return
    const isRequired = (schema as Described | undefined)?.audit === 'required'
    ends.set(request, await begun(auditing, await entryOf(api, request, url), isRequired))
  })
  // Before the answer leaves: a client that has the answer finds both entries.
  app.addHook('onSend', async (request, reply) => {
    await ends.get(request)?.(reply.statusCode)
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
