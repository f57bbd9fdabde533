/** The routes of the management API. Loaded with the first request: few proxies ever have one. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type FastifyRequest, fastify } from 'fastify'
import { ERRORS } from '../base/error-table.js'
import { type ErrorCode, ProxyError } from '../base/errors.js'
import { linearPattern } from '../base/linear-pattern.js'
import { ALL_RIGHTS, covers, type Role } from '../base/roles.js'
import { describe } from '../base/thrown.js'
import type { AdminApi } from './admin-api.js'
import type { Audit } from './audit.js'
import { auditRoutes } from './auditing.js'
import { Events } from './events.js'
import { heldRoutes } from './held-routes.js'
import { LAZY_SCHEMAS } from './lazy-schemas.js'
import { metricRows } from './metric-rows.js'
import { OpenApi, roleFor } from './openapi.js'
import { type PageQuery, pageOf } from './paging.js'
import { pluginRoutes } from './plugin-routes.js'
import type { SampleRows } from './samples.js'
import { FAILED } from './schema-words.js'
import { SCHEMAS } from './schemas.js'
import { nameOf, personOf, ROLE_FIELD, roleOf } from './who.js'

/** The largest body, in bytes: a message with its data. */
const BODY_LIMIT = 1_100_000

export type Handler = (req: IncomingMessage, res: ServerResponse) => void

/** The statuses of errors with which an operator's request may end; any other error is a failure of the proxy. */
const STATUS: { readonly [C in ErrorCode]?: number } = {
  PTC_ADMIN_DENIED: 403,
  PTC_ADMIN_OVERRULE: 403,
  PTC_ADMIN_AUDIT: 500,
  PTC_ADMIN_REQUEST: 404,
  PTC_REVOCATION: 400,
  PTC_PROCESS_SILENT: 504,
}
/** The configuration cannot be read: the request is in order, the state of the files is not. */
const CONFLICT = 409

const failed = (code: ErrorCode, message: string) => ({
  error: { code, message, remedy: ERRORS[code].remedy },
})

/** What belongs to the management port, and to no socket. */
export interface AppParts {
  /** All metrics, in the text format of Prometheus. */
  readonly metrics: () => Promise<string>
  /** Those measured after a time, milliseconds since the epoch. @throws {ProxyError} PTC_ADMIN_REQUEST without a port */
  readonly samples: (since: number) => SampleRows
  /** @returns the address of a page that a person can open once @throws {ProxyError} PTC_ADMIN_REQUEST without a port */
  readonly dashboard: (who: string, role: Role) => string
  /** Writes down what operators decide and change. */
  readonly audit: Audit
  readonly onError: (message: string) => void
}

/** @throws {ProxyError} PTC_ADMIN_DENIED with the role that is missing */
function checkRole(request: FastifyRequest): void {
  const { headers, method, url, routeOptions } = request
  const needed = roleFor(method, routeOptions.schema)
  const has = roleOf(request)
  if (has !== undefined && covers(has, needed)) return
  const [path] = url.split('?', 1)
  throw new ProxyError(
    'PTC_ADMIN_DENIED',
    `${method} ${path} needs the role "${needed}"; that of this token or login is "${headers[ROLE_FIELD]}"`,
  )
}

/** @param match a regular expression for the beginning of names @throws {ProxyError} PTC_ADMIN_REQUEST */
function matcherOf(match = ''): (name: string) => boolean {
  const found = linearPattern(match, { anchor: 'beginning' })
  if ('wrong' in found) throw new ProxyError('PTC_ADMIN_REQUEST', found.wrong)
  return found
}

/** @param api what the routes do */
export async function makeApp(api: AdminApi, parts: AppParts): Promise<Handler> {
  const { app } = routesOf(api, parts)
  await app.ready()
  return app.routing
}

/** The routes, and what describes them. */
export function routesOf(api: AdminApi, { metrics, samples, dashboard, audit, onError }: AppParts) {
  // Strings stay strings: what is meant as a number is written as one. Route parameters have no other way.
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    ajv: { customOptions: { removeAdditional: false } },
    schemaController: { compilersFactory: LAZY_SCHEMAS },
  })

  app.addHook('onRequest', async request => checkRole(request))
  auditRoutes(app, api, { audit, onError })
  const openApi = new OpenApi(FAILED)
  app.addHook('onRoute', openApi.add)

  app.setErrorHandler((cause, _request, reply) => {
    if (cause instanceof ProxyError)
      return reply.code(STATUS[cause.code] ?? CONFLICT).send(failed(cause.code, ProxyError.textOf(cause)))
    // Fastify's own: a body that is no JSON, or not of the schema.
    const { statusCode = 500 } = cause as { statusCode?: number }
    const code = statusCode < 500 ? 'PTC_ADMIN_REQUEST' : 'PTC_INTERNAL'
    return reply.code(statusCode).send(failed(code, describe(cause)))
  })
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send(failed('PTC_ADMIN_REQUEST', `there is no ${request.method} ${request.url}`)),
  )

  app.get('/v1/status', { schema: SCHEMAS.status }, () => api.status())
  app.get('/metrics', { schema: SCHEMAS.prometheus }, async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metrics()),
  )
  app.post<{ Body: { who: string; role?: Role } }>(
    '/v1/dashboard',
    { schema: SCHEMAS.dashboard },
    request => {
      // A person would get a login under another name, or one without an end.
      if (personOf(request) !== undefined)
        throw new ProxyError('PTC_ADMIN_DENIED', 'the page makes no links; `portcullis ctl dashboard` does')
      const { who, role = ALL_RIGHTS } = request.body
      return { url: dashboard(who, role) }
    },
  )
  heldRoutes(app, api)
  pluginRoutes(app, api)
  app.get<{ Querystring: PageQuery & { host: string } }>(
    '/v1/policy/explain',
    { schema: SCHEMAS.explain },
    async ({ query: { host, ...page } }) => linesOf(await api.explain(host), page),
  )
  app.get<{ Querystring: PageQuery }>('/v1/learning/report', { schema: SCHEMAS.report }, async ({ query }) =>
    linesOf(await api.learning('report'), query),
  )
  app.post('/v1/learning/write', { schema: SCHEMAS.write }, async () => ({
    lines: await api.learning('write'),
  }))
  app.get<{ Querystring: PageQuery }>('/v1/verdicts', { schema: SCHEMAS.verdicts }, async ({ query }) => {
    const all = await api.verdicts()
    const { rows, next } = pageOf(all, one => [one.host, one.asked, one.key], query)
    return { verdicts: rows, next }
  })
  app.post<{ Body: { readonly all?: true }; Querystring: { who?: string } }>(
    '/v1/revoke',
    { schema: SCHEMAS.revoke },
    request => {
      const { body, query } = request
      const who = nameOf(request, query.who)
      return api.revoke(body.all === true ? 'all' : body, who)
    },
  )
  app.get<{ Querystring: PageQuery & { match?: string; changed?: boolean } }>(
    '/v1/records',
    { schema: SCHEMAS.records },
    async ({ query: { match, changed = false, ...page } }) => {
      const isMeant = matcherOf(match)
      const all = await api.records()
      const meant = all.filter(one => isMeant(one.name) && !(changed && one.value === one.default))
      const { rows, next } = pageOf(meant, one => [one.name], page)
      return { records: rows, next }
    },
  )
  app.get<{ Querystring: PageQuery }>('/v1/rules', { schema: SCHEMAS.rules }, async ({ query }) => {
    const { rows, next } = pageOf(await api.rules(), ({ number }) => [number], query)
    return { rules: rows, next }
  })
  app.get<{ Params: { name: string } }>(
    '/v1/records/:name',
    { schema: SCHEMAS.record },
    ({ params: { name } }) => api.record(name),
  )
  app.put<{ Params: { name: string }; Body: { value: string } }>(
    '/v1/records/:name',
    { schema: SCHEMAS.setRecord },
    ({ params: { name }, body: { value } }) => api.setRecord(name, value),
  )
  app.get<{ Querystring: PageQuery & { match?: string } }>(
    '/v1/metrics',
    { schema: SCHEMAS.metrics },
    async ({ query: { match, ...page } }) => {
      const isMeant = matcherOf(match)
      const meant = metricRows(await metrics()).filter(({ name }) => isMeant(name))
      const { rows, next } = pageOf(meant, one => [one.name], page)
      return { metrics: rows, next }
    },
  )
  app.get<{ Querystring: { since?: number } }>(
    '/v1/samples',
    { schema: SCHEMAS.samples },
    ({ query: { since = 0 } }) => samples(since),
  )
  app.put<{ Body: { tags: string | null } }>(
    '/v1/debug',
    { schema: SCHEMAS.debug },
    async ({ body: { tags } }) => {
      await api.debug(tags)
      return { tags }
    },
  )
  app.post('/v1/reload', { schema: SCHEMAS.reload }, async () => {
    const needRestart = await api.reload()
    const { generation } = await api.status()
    return { generation, needRestart }
  })
  app.post<{ Body: { undo?: boolean } }>(
    '/v1/drain',
    { schema: SCHEMAS.drain },
    async ({ body: { undo = false } }, reply) => {
      await api.drain(!undo)
      const { isDraining, counters } = await api.status()
      return reply.code(202).send({ isDraining, connections: counters.clientConnections })
    },
  )
  app.post('/v1/restart', { schema: SCHEMAS.restart }, async (_request, reply) =>
    reply.code(202).send({ processes: await api.restart() }),
  )
  app.post('/v1/stop', { schema: SCHEMAS.stop }, (_request, reply) =>
    reply.code(202).send({ grace: api.stop() }),
  )

  const events = new Events(api)
  app.get('/v1/events', { schema: SCHEMAS.events }, (_request, reply) => {
    if (events.isFull) return reply.code(429).send(failed('PTC_ADMIN_DENIED', 'too many listen to events'))
    reply.hijack()
    return events.open(reply.raw)
  })
  app.get('/v1/openapi.json', { schema: SCHEMAS.openapi }, () => openApi.document)
  return { app, openApi }
}

function linesOf(lines: readonly string[], page: PageQuery) {
  const { rows, next } = pageOf([...lines.entries()], ([i]) => [i], page)
  return { lines: rows.map(([, line]) => line), next }
}
