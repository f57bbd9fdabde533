/** The routes about what waits, and what was decided. */
import type { FastifyInstance } from 'fastify'
import type { ApprovalAnswer } from '../api/managed.js'
import type { AdminApi } from './admin-api.js'
import type { HeldAnswer, HistoryFilter } from './held-api.js'
import { type PageQuery, pageOf } from './paging.js'
import { SCHEMAS } from './schemas.js'
import { nameOf, personOf } from './who.js'

/** How long the answer to a question counts that does not say so; milliseconds. */
const USUALLY = 3_600_000

interface HeldId {
  readonly Params: { readonly id: number }
}

export function heldRoutes(app: FastifyInstance, api: AdminApi): void {
  app.get<{ Querystring: PageQuery }>('/v1/parked', { schema: SCHEMAS.parked }, async ({ query }) => {
    const [own, turns, others] = await Promise.all([api.parked(), api.held(), api.heldElsewhere()])
    const parked = own.map(row => ({ row, order: [0, row.id] }))
    const held = turns.map(turn => ({ turn, order: [1, turn.since, turn.hook, turn.about, turn.plugin] }))
    const elsewhere = others.map(there => ({ there, order: [2, there.question, there.proxy] }))
    const { rows, next } = pageOf([...parked, ...held, ...elsewhere], ({ order }) => order, query)
    return {
      parked: rows.flatMap(one => ('row' in one ? one.row : [])),
      held: rows.flatMap(one => ('turn' in one ? one.turn : [])),
      elsewhere: rows.flatMap(one => ('there' in one ? one.there : [])),
      next,
    }
  })
  app.get<HeldId>('/v1/parked/:id', { schema: SCHEMAS.parkedDetail }, ({ params: { id } }) =>
    api.parkedDetail(id),
  )
  app.post<HeldId & { Body: { reason?: string; detail?: string } }>(
    '/v1/parked/:id/reject',
    { schema: SCHEMAS.reject },
    async ({ params: { id }, body: { reason = 'policy', detail } }) => {
      await api.reject(id, reason, detail)
      return { id }
    },
  )
  app.post<HeldId & { Body: Partial<HeldAnswer> & { duration?: number | null } }>(
    '/v1/parked/:id/accept',
    { schema: SCHEMAS.acceptHeld },
    request => {
      const { scope = 'leaf', duration = USUALLY, who, why, sha256 } = request.body
      const answer = { scope, duration: duration ?? undefined, who: nameOf(request, who), why, sha256 }
      return api.accept(request.params.id, answer)
    },
  )
  app.post<HeldId & { Body: { ms: number } }>(
    '/v1/parked/:id/extend',
    { schema: SCHEMAS.extend },
    async ({ params: { id }, body: { ms } }) => ({ id, deadline: await api.extend(id, ms) }),
  )
  app.get<{ Querystring: PageQuery & HistoryFilter }>(
    '/v1/history',
    { schema: SCHEMAS.history },
    async ({ query: { search, result, ...page } }) => {
      const { rows, next } = pageOf(
        await api.history({ search, result }),
        ({ last, id }) => [-last, -id],
        page,
      )
      return { history: rows, next }
    },
  )
  app.get<{ Querystring: PageQuery }>('/v1/approvals', { schema: SCHEMAS.approvals }, async ({ query }) => {
    const { rows, next } = pageOf(await api.approvals(), ({ since, id }) => [since, id], query)
    return { approvals: rows, next }
  })
  app.get<{ Querystring: PageQuery & { search?: string } }>(
    '/v1/answers',
    { schema: SCHEMAS.givenAnswers },
    async ({ query: { search = '', ...page } }) => {
      const wanted = search.toLowerCase()
      const found = (await api.answers()).filter(({ host, who, why, id }) =>
        `${host} ${who} ${why ?? ''} ${id}`.toLowerCase().includes(wanted),
      )
      const { rows, next } = pageOf(found, ({ at, id }) => [-at, id], page)
      return { answers: rows, next }
    },
  )
  app.post<{ Params: { id: string }; Body: { who?: string } }>(
    '/v1/answers/:id/withdraw',
    { schema: SCHEMAS.takeBack },
    request => api.takeBack(request.params.id, nameOf(request, request.body.who)),
  )
  app.post<{ Params: { id: string }; Body: { ms: number } }>(
    '/v1/approvals/:id/extend',
    { schema: SCHEMAS.extendQuestion },
    async ({ params: { id }, body: { ms } }) => ({ id, waiting: await api.extendQuestion(id, ms) }),
  )
  for (const [verdict, schema] of [
    ['accept', SCHEMAS.accept],
    ['reject', SCHEMAS.refuse],
  ] as const) {
    app.post<{ Params: { id: string }; Body: Omit<ApprovalAnswer, 'verdict'> }>(
      `/v1/approvals/:id/${verdict}`,
      { schema },
      request => {
        const { params, body } = request
        return api.answer(params.id, { ...body, verdict, who: personOf(request) ?? body.who })
      },
    )
  }
}
