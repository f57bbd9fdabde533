/** What operators see of the handshakes that plugins hold, and what they do with them. */
import type { AdminApi } from '../admin/admin-api.js'
import type { HeldAccepted, ParkedDetail, ParkedRow, ShownCertificate } from '../admin/held-api.js'
import type { Certificate } from '../api/certificate.js'
import type { Approval } from '../api/managed.js'
import { type Reason, reject } from '../api/verdict.js'
import { X509_ERRORS, type X509ErrorName } from '../api/x509-errors.js'
import { ProxyError } from '../base/errors.js'
import { didYouMean } from '../base/nearest.js'
import { after } from '../base/timer.js'
import { REASONS } from '../tls/judge/verdict.js'
import { isParkedHandshake, type ParkedHandshake } from '../tls/outbound/parked-handshakes.js'
import type { Generations } from './generations.js'
import { clientText } from './history.js'
import type { LastingParts } from './lasting-parts.js'

type HeldActions = Pick<
  AdminApi,
  'parked' | 'parkedDetail' | 'heldElsewhere' | 'accept' | 'reject' | 'extend' | 'extendQuestion'
> & {
  /** As `extendQuestion`, but 0 where nothing waits for it: in another process something may. */
  readonly extendHere: AdminApi['extendQuestion']
}

export const noneWaits = (question: string): ProxyError =>
  new ProxyError('PTC_ADMIN_REQUEST', `no handshake waits for a question ${question}`)

interface Parts {
  readonly lasting: Pick<LastingParts, 'held' | 'diags' | 'history'>
  readonly generations: Pick<Generations, 'current'>
}

/** What the plugin that asks people offers. @throws {ProxyError} PTC_ADMIN_REQUEST when there is none, or it cannot do it */
export interface Questions {
  readonly list: () => Promise<readonly Approval[]>
  readonly answer: AdminApi['answer']
  /** Tells the plugin that deadlines have been moved. */
  readonly extend: (id: string, ms: number) => Promise<number>
}

export function heldActions({ lasting, generations }: Parts, questions: Questions): HeldActions {
  const { held, diags, history } = lasting
  const find = (id: number): ParkedHandshake => {
    const found = held.list().find(one => isParkedHandshake(one) && one.id === id)
    if (found !== undefined && isParkedHandshake(found)) return found
    throw new ProxyError('PTC_ADMIN_REQUEST', `no handshake with id ${id} is parked; it may have ended`)
  }
  /** @param mustKnow rejects where the plugin that asks people cannot say what is open, its workers being lost */
  const rowMaker = async (mustKnow: boolean): Promise<(parked: ParkedHandshake) => ParkedRow> => {
    const current = generations.current()
    const { managed } = current.plugins
    const owner = managed.ownerOf('approvals')
    const listed = managed.get('approvals')?.list() ?? Promise.resolve([])
    const open = await (mustKnow ? listed : soon(listed))
    const ids = new Map((open ?? []).filter(({ waiting }) => waiting > 0).map(one => [keyOf(one), one.id]))
    const { mayAccept } = current.settings.admin
    return parked => {
      const question = (parked.plugin === owner && ids.get(keyOfParked(parked))) || null
      const isUnknown = open === undefined && parked.plugin === owner
      const accepting = question !== null ? 'question' : mayAccept && !isUnknown ? 'operator' : 'none'
      return { ...toRow(parked), question, accepting }
    }
  }
  const extendHere = async (id: string, ms: number): Promise<number> => {
    const open = await questions.list()
    const owner = generations.current().plugins.managed.ownerOf('approvals')
    const question = open.find(one => one.id === id)
    if (question === undefined) return 0
    const waiting = held
      .list()
      .filter(isParkedHandshake)
      .filter(parked => parked.plugin === owner && keyOfParked(parked) === keyOf(question))
    // The oldest is the first that cannot have it: then none has.
    for (const parked of waiting) parked.extend(ms)
    if (waiting.length === 0) return 0
    await questions.extend(id, ms)
    diags.note(`an operator gives question ${id} ${ms} ms more for ${question.host}`)
    return waiting.length
  }
  return {
    extendHere,
    extendQuestion: async (id, ms) => {
      const waiting = await extendHere(id, ms)
      if (waiting === 0) throw noneWaits(id)
      return waiting
    },
    parked: async () => {
      const toParkedRow = await rowMaker(false)
      return held.list().filter(isParkedHandshake).map(toParkedRow)
    },
    parkedDetail: async id => {
      const toParkedRow = await rowMaker(false)
      return toDetail(find(id), toParkedRow)
    },
    heldElsewhere: async () => {
      const { managed } = generations.current().plugins
      const open = (await soon(managed.get('approvals')?.list() ?? Promise.resolve([]))) ?? []
      const plugin = managed.ownerOf('approvals') ?? ''
      return open.flatMap(({ id: question, host, port, elsewhere = [] }) =>
        elsewhere.map(there => ({ question, host, port, plugin, ...there })),
      )
    },
    reject: (id, reason, detail) => {
      const verdict = reject(readReason(reason), detail)
      const found = find(id)
      diags.note(`an operator rejects the handshake with ${found.evidence.host}: ${reason}`)
      found.reject(verdict)
    },
    accept: async (id, { sha256, ...given }): Promise<HeldAccepted> => {
      const toParkedRow = await rowMaker(true)
      const found = find(id)
      const { question, accepting, plugin, host, leaf } = toParkedRow(found)
      if (sha256 !== undefined && sha256 !== leaf?.sha256)
        throw new ProxyError(
          'PTC_ADMIN_REQUEST',
          `handshake ${id} is about another certificate than ${sha256}`,
        )
      if (question !== null) {
        await questions.answer(question, { ...given, verdict: 'accept' })
        return { id, as: 'question', question }
      }
      if (accepting === 'none')
        throw new ProxyError(
          'PTC_ADMIN_OVERRULE',
          `plugin ${plugin} holds the handshake with ${host}, and proxy.config.admin.may_accept is 0`,
        )
      found.accept()
      diags.note(`${given.who} accepts the handshake with ${host} in place of plugin ${plugin}`)
      const { evidence, port, asking, since } = found
      history.granted(evidence, plugin, given, { id, port, asking, held: Date.now() - since })
      return { id, as: 'operator', question: null }
    },
    extend: async (id, ms) => {
      const toParkedRow = await rowMaker(false)
      const found = find(id)
      const { question } = toParkedRow(found)
      // The plugin that asks has a time limit of its own for the question.
      if (question !== null && (await extendHere(question, ms)) > 0) return find(id).deadline
      found.extend(ms)
      diags.note(`an operator gives plugin ${found.plugin} ${ms} ms more for ${found.evidence.host}`)
      return find(id).deadline
    },
  }
}

/** Milliseconds that a list of what is held, and with it a rejection, waits for the plugin that asks people. */
const SOON = 2000

/** Undefined where it fails, or is not there soon. */
function soon<T>(work: Promise<T>): Promise<T | undefined> {
  return new Promise(resolve => {
    const giveUp = (): void => resolve(undefined)
    const timer = after(SOON, giveUp, giveUp).unref()
    void work.then(resolve, giveUp).finally(() => clearTimeout(timer))
  })
}

/** The same key for a question and for a handshake that waits for its answer. */
const keyOf = ({
  host,
  port,
  sha256,
  builtIn,
}: Pick<Approval, 'host' | 'port' | 'sha256' | 'builtIn'>): string => `${host} ${port} ${sha256} ${builtIn}`

const keyOfParked = ({ evidence: { host, chain, builtIn }, port }: ParkedHandshake): string =>
  keyOf({ host, port, sha256: chain[0]?.sha256 ?? '', builtIn: builtIn.name })

function readReason(word: string): Reason | X509ErrorName {
  const known = [...Object.keys(REASONS), ...Object.keys(X509_ERRORS)]
  if (known.includes(word)) return word as Reason | X509ErrorName
  const help = didYouMean(word, known) || `; known are ${Object.keys(REASONS).join(', ')}`
  throw new ProxyError('PTC_ADMIN_REQUEST', `there is no reason "${word}"${help}`)
}

function toRow(parked: ParkedHandshake): Omit<ParkedRow, 'question' | 'accepting'> {
  const { id, port, evidence, plugin, isReleased, since, deadline, remoteAddress, asking, accepted } = parked
  const [leaf] = evidence.chain
  return {
    id,
    host: evidence.host,
    port,
    plugin,
    connection: isReleased ? 'released' : 'open',
    age: Date.now() - since,
    deadline,
    address: remoteAddress,
    client: clientText(asking),
    builtIn: evidence.builtIn.name,
    accepted,
    leaf: leaf === undefined ? null : shown(leaf),
  }
}

function toDetail(
  parked: ParkedHandshake,
  toParkedRow: (parked: ParkedHandshake) => ParkedRow,
): ParkedDetail {
  const { evidence, asking } = parked
  const { signature, name, rule } = evidence.checks
  const { method, url } = asking?.transaction ?? {}
  return {
    ...toParkedRow(parked),
    chain: evidence.chain.map(one => ({ ...shown(one), pem: one.pem })),
    checks: { signature: signature.name, name: name.name, rule: rule?.name ?? null },
    // A query may hold what is secret.
    request: method === undefined || url === undefined ? null : { method, url: url.replace(/[?#].*$/s, '') },
  }
}

function shown({ subject, issuer, sha256, x509 }: Certificate): ShownCertificate {
  return { subject, issuer, sha256, notBefore: timeIn(x509.validFrom), notAfter: timeIn(x509.validTo) }
}

/** OpenSSL shows a malformed date as `Bad time value`. */
function timeIn(text: string): number | null {
  const time = Date.parse(text)
  return Number.isNaN(time) ? null : time
}
