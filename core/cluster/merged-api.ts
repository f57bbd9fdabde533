/** The management API over all processes that serve: whichever of them holds something, the answer is one. */
import type { AdminApi, FleetStatus, Status } from '../admin/admin-api.js'
import type { HeldAccepted, HeldElsewhere, HistoryRow, ParkedDetail, ParkedRow } from '../admin/held-api.js'
import type { Approval, GivenAnswer } from '../api/managed.js'
import { ProxyError } from '../base/errors.js'
import { asShown, mergeApprovals, mergeGiven } from '../plugin-host/topics/calls.js'
import { noneWaits } from '../program/held-actions.js'
import { shownRows } from '../program/history-rows.js'
import { recordSetter } from '../program/management.js'
import { notOpen, notRejected } from '../program/question-actions.js'
import type { Reloaded } from '../program/reloads.js'
import type { ConfigPlace } from '../settings/settings.js'
import type { RememberedVerdict } from '../tls/judge/verdict-cache.js'
import type { HeldTurn } from '../wait/held-turns.js'
import { answerOf } from './calls.js'
import type { Counted } from './counted.js'
import { revokeAll } from './merged-revocation.js'
import { sumOf, type Totals, withAllWorkers } from './merged-sums.js'
import type { ServingProcess } from './supervisor.js'

/**
 * Ids of handshakes are counted by each process. The place of the process makes them one series, and the number of its start keeps
 * an id of a process that has ended from naming a handshake of its successor.
 */
const MAX_PLACES = 1024
const MAX_STARTS = 1024

type IdPlace = Pick<ServingProcess, 'index' | 'started'>

const outerId = (id: number, { index, started }: IdPlace): number =>
  (id * MAX_STARTS + (started % MAX_STARTS)) * MAX_PLACES + index

const innerId = (id: number): number => Math.floor(id / MAX_PLACES / MAX_STARTS)

const isOf = (id: number, { started }: IdPlace): boolean =>
  Math.floor(id / MAX_PLACES) % MAX_STARTS === started % MAX_STARTS

export interface MergedParts {
  readonly places: readonly Pick<ServingProcess, 'ask' | 'index' | 'started' | 'isReachable' | 'isServing'>[]
  /** What the processes have counted, those that have ended included. */
  readonly totals: Counted<Totals>
  readonly place: ConfigPlace
  readonly pid: number
  readonly isStopping: () => boolean
  readonly startedAt: number
  readonly reload: (what?: Reloaded) => Promise<readonly string[]>
  /** The processes have switched debug lines on for these tags, or off: one that takes the place of another does the same. */
  readonly onDebug: (tags: string | null) => void
  /** The processes drain, or no more: as for debug lines. */
  readonly onDrain: (isOn: boolean) => void
  readonly restart: () => Promise<number>
  readonly stop: () => number
  /** The fleet as the supervising process sees it. */
  readonly fleetState: (() => FleetStatus) | undefined
  /** Revokes in the processes of other machines. */
  readonly tellOthers: ((wanted: unknown, by: string) => void) | undefined
}

const noneServes = (): ProxyError => new ProxyError('PTC_PROCESS_GONE', 'no process serves at this moment')

export function mergedApi(parts: MergedParts): AdminApi {
  const { places } = parts
  const serving = () => places.filter(({ isServing }) => isServing)

  /** One that ends while it is asked has nothing any more. @throws {ProxyError} the first other failure */
  async function askAll<T>(name: string, ...args: readonly unknown[]): Promise<readonly T[]> {
    const answers = await Promise.all(serving().map(place => answerOf<T>(place, name, args)))
    return answers.flatMap(answer => answer ?? [])
  }

  async function askOne<T>(name: string, ...args: readonly unknown[]): Promise<T> {
    for (const place of serving()) {
      const answer = await answerOf<T>(place, name, args)
      if (answer !== undefined) return answer[0]
    }
    throw noneServes()
  }

  /**
   * The first that has it; undefined where all say that they have not. One that could not say may have it: then its failure counts.
   * @throws {ProxyError} the first failure
   */
  async function askUntilFound<T>(name: string, ...args: readonly unknown[]): Promise<T | undefined> {
    let failure: unknown
    let hasAnswered = false
    for (const place of serving()) {
      try {
        const answer = await answerOf<T | undefined>(place, name, args)
        if (answer?.[0] !== undefined) return answer[0]
        hasAnswered ||= answer !== undefined
      } catch (cause) {
        failure ??= cause
      }
    }
    if (failure !== undefined) throw failure
    if (!hasAnswered) throw noneServes()
    return undefined
  }

  async function statusOf(place: MergedParts['places'][number]): Promise<readonly Status[]> {
    const { started } = place
    const [status] = (await answerOf<Status>(place, 'status', [])) ?? []
    if (status !== undefined) parts.totals.note(started, status.counters)
    return status === undefined ? [] : [status]
  }

  /** The process that holds a handshake. @throws {ProxyError} PTC_ADMIN_REQUEST */
  function holderOf(id: number): MergedParts['places'][number] {
    const place = places.find(({ index }) => index === id % MAX_PLACES)
    if (place?.isServing === true && isOf(id, place)) return place
    throw new ProxyError('PTC_ADMIN_REQUEST', `no handshake with id ${id} is parked; it may have ended`)
  }

  return {
    status: async () => {
      const all = (await Promise.all(serving().map(statusOf))).flat()
      const [first] = all
      if (first === undefined) throw noneServes()
      return {
        ...first,
        pid: parts.pid,
        uptime: performance.now() - parts.startedAt,
        isStopping: parts.isStopping(),
        fleet: parts.fleetState?.(),
        plugins: first.plugins.map(plugin => withAllWorkers(plugin, all)),
        counters: sumOf(
          all.map(({ counters }) => counters),
          parts.totals.all,
        ),
        processes: all.flatMap(({ processes }) => processes),
      }
    },
    parked: async () => {
      const all = await Promise.all(serving().map(place => rowsOf<ParkedRow>(place, 'parked')))
      return all.flat().sort((a, b) => b.age - a.age)
    },
    held: async () => (await askAll<readonly HeldTurn[]>('held')).flat().sort((a, b) => a.since - b.since),
    heldElsewhere: async () => {
      const all = (await askAll<readonly HeldElsewhere[]>('heldElsewhere')).flat()
      // Each process has heard the same of other proxies.
      return [...new Map(all.map(one => [`${one.question} ${one.proxy}`, one])).values()]
    },
    reject: async (id, reason, detail) => {
      await holderOf(id).ask('reject', innerId(id), reason, detail)
    },
    accept: async (id, given) => {
      const accepted = (await holderOf(id).ask('accept', innerId(id), given)) as HeldAccepted
      return { ...accepted, id }
    },
    extend: async (id, ms) => (await holderOf(id).ask('extend', innerId(id), ms)) as number,
    extendQuestion: async (id, ms) => {
      const counts = await askAll<number>('extendHere', id, ms)
      const waiting = counts.reduce((sum, count) => sum + count, 0)
      if (waiting === 0) throw noneWaits(id)
      return waiting
    },
    parkedDetail: async id => {
      const found = await holderOf(id).ask('parkedDetail', innerId(id))
      return { ...(found as ParkedDetail), id }
    },
    history: async filter => {
      const all = await Promise.all(serving().map(place => rowsOf<HistoryRow>(place, 'historyRows')))
      return shownRows(all.flat(), filter)
    },
    approvals: async () => mergeApprovals((await askAll<readonly Approval[]>('approvals')).flat()),
    answers: async () => mergeGiven((await askAll<readonly GivenAnswer[]>('answers')).flat()),
    takeBack: async (id, who) => {
      const answer = await askUntilFound<GivenAnswer>('takeBackIfGiven', id, who)
      if (answer === undefined) throw notRejected(id)
      return answer
    },
    answer: (id, answer) =>
      asShown(
        id,
        () => askAll<readonly Approval[]>('approvals'),
        async () => {
          const taken = await askUntilFound<Approval>('answerIfOpen', id, answer)
          if (taken === undefined) throw notOpen(id)
          return taken
        },
      ),
    explain: host => askOne('explain', host),
    learning: async what => {
      // A report puts what each process has seen into the file that all share; one of them answers from it.
      await askAll('learning', 'report')
      return await askOne('learning', what)
    },
    verdicts: async () => (await askAll<readonly RememberedVerdict[]>('verdicts')).flat(),
    revoke: (wanted, who) => revokeAll(places, wanted, who, parts.tellOthers),
    message: async (tag, data) => Math.max(0, ...(await askAll<number>('message', tag, data))),
    reload: () => parts.reload(),
    reloadPlugins: () => parts.reload('plugins'),
    records: () => askOne('records'),
    rules: () => askOne('rules'),
    record: name => askOne('record', name),
    setRecord: recordSetter(parts.place, () => parts.reload()),
    debug: async tags => {
      await askAll('debug', tags)
      parts.onDebug(tags)
    },
    drain: async isOn => {
      parts.onDrain(isOn)
      await askAll('drain', isOn)
    },
    restart: parts.restart,
    stop: parts.stop,
  }
}

/** Rows of one process, with ids that no other process has. */
async function rowsOf<T extends { readonly id: number }>(
  place: MergedParts['places'][number],
  name: string,
  ...args: readonly unknown[]
): Promise<readonly T[]> {
  const [rows = []] = (await answerOf<readonly T[]>(place, name, args)) ?? []
  return rows.map(row => ({ ...row, id: outerId(row.id, place) }))
}
