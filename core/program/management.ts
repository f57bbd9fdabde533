import type {
  AdminApi,
  FleetStatus,
  PluginStatus,
  RecordSet,
  Status,
  WorkersStatus,
} from '../admin/admin-api.js'
import type { HistoryRow } from '../admin/held-api.js'
import type { HookId } from '../api/hooks.js'
import type { Approval, GivenAnswer } from '../api/managed.js'
import { ProxyError } from '../base/errors.js'
import { describe } from '../base/thrown.js'
import { HOOK_IDS } from '../hooks/hook-ids.js'
import type { ManagedCalls } from '../plugin-host/topics/answers.js'
import { mergeGiven } from '../plugin-host/topics/calls.js'
import { changeRecord, undoChange } from '../settings/change-record.js'
import { recordNamed, ruleInfos } from '../settings/record-report.js'
import { type ConfigPlace, recordsBehind } from '../settings/settings.js'
import { isParkedHandshake } from '../tls/outbound/parked-handshakes.js'
import type { Generation } from './generation.js'
import type { Generations } from './generations.js'
import { heldActions } from './held-actions.js'
import { shownRows } from './history-rows.js'
import type { LastingParts } from './lasting-parts.js'
import { tellMsg } from './lifecycle.js'
import type { Place } from './place.js'
import type { Reloaded } from './reloads.js'
import { withdraw } from './withdrawing.js'

/** The parts of a running proxy that are managed. */
export interface Managed {
  readonly place: Place
  readonly lasting: LastingParts
  readonly generations: Pick<Generations, 'all' | 'current' | 'count'>
  readonly isStopping: () => boolean
  readonly isDraining: () => boolean
  readonly drain: (isOn: boolean) => void
  readonly clientConnections: () => number
  readonly ports: Status['ports']
  readonly idleConnections: () => number
  readonly reload: (what?: Reloaded) => Promise<readonly string[]>
  readonly fleetState: (() => FleetStatus) | undefined
}

/** What the command line adds. */
export interface Manager {
  /** The version of Portcullis. */
  readonly version: string
  readonly pid: number
  /** Begins the stop. Returns how long requests may go on, in milliseconds. */
  readonly stop: () => number
  /** Revokes in other processes, where nothing else does. */
  readonly tellOthers?: ((wanted: unknown, by: string) => void) | undefined
}

/** What one process does for operators, alone or as one of several. */
export interface ProcessApi extends AdminApi {
  readonly extendHere: AdminApi['extendQuestion']
  /** As `answer`, but undefined where the question is not open: another process may have it. */
  readonly answerIfOpen: (...asked: Parameters<AdminApi['answer']>) => Promise<Approval | undefined>
  /** As `takeBack`, but undefined where none counts. */
  readonly takeBackIfGiven: (id: string, who: string) => Promise<GivenAnswer | undefined>
  /** The history before rows that say the same are joined: other processes have some, too. */
  readonly historyRows: () => readonly HistoryRow[]
}

export const notOpen = (id: string): ProxyError =>
  new ProxyError('PTC_ADMIN_REQUEST', `no question ${id} is open; \`ctl approvals\` lists those that are`)

export const notRejected = (id: string): ProxyError =>
  new ProxyError(
    'PTC_ADMIN_REQUEST',
    `no rejection counts under the id ${id}; \`ctl answers\` lists them. \`ctl revoke HOST\` withdraws acceptances`,
  )

/** What the management API does. */
export function makeAdminApi(managed: Managed, { version, pid, stop, tellOthers }: Manager): ProcessApi {
  const { lasting, generations, reload } = managed
  const { held, revoking, diags } = lasting
  const startedAt = performance.now()
  const answerIfOpen: ProcessApi['answerIfOpen'] = async (id, given) => {
    const question = await askTopic(
      generations,
      'approvals',
      topic => topic.answer(id, given),
      `question ${id}: `,
    )
    if (question === undefined) return undefined
    const plugin = generations.current().plugins.managed.ownerOf('approvals') ?? ''
    lasting.history.answered(question, given, plugin)
    return question
  }
  const approvals = () => askTopic(generations, 'approvals', topic => topic.list())
  const answer: AdminApi['answer'] = async (id, given) => {
    const question = await answerIfOpen(id, given)
    if (question === undefined) throw notOpen(id)
    return question
  }
  const takeBackIfGiven: ProcessApi['takeBackIfGiven'] = (id, who) =>
    askTopic(generations, 'approvals', topic => topic.takeBack(id, who))
  return {
    ...heldActions(managed, {
      answer,
      list: approvals,
      extend: (id, ms) => askTopic(generations, 'approvals', topic => topic.extend(id, ms)),
    }),
    history: filter => shownRows(lasting.history.list(), filter),
    historyRows: () => lasting.history.list(),
    status: () => {
      const uptime = performance.now() - startedAt
      const generation = generations.count
      const counters = countersOf(managed)
      const fleet = managed.fleetState?.()
      return {
        pid,
        version,
        uptime,
        isStopping: managed.isStopping(),
        isDraining: managed.isDraining(),
        confDir: managed.place.confDir,
        generation,
        readAt: generations.current().readAt,
        ports: managed.ports,
        plugins: pluginsOf(generations.current()),
        counters,
        processes: [{ pid, uptime, generation, counters, fleet }],
        fleet,
      }
    },
    held: () => held.list().filter(turn => !isParkedHandshake(turn)),
    explain: host => askTopic(generations, 'policy', topic => topic.explain(host)),
    learning: what => askTopic(generations, 'learning', topic => topic[what]()),
    verdicts: () => generations.current().verification.verdicts.list(),
    approvals,
    answers: async () => mergeGiven(await askTopic(generations, 'approvals', topic => topic.given())),
    takeBackIfGiven,
    takeBack: async (id, who) => {
      const answer = await takeBackIfGiven(id, who)
      if (answer === undefined) throw notRejected(id)
      return answer
    },
    answer,
    answerIfOpen,
    revoke: async (wanted, who) => {
      const { elsewhere } = revoking.read(wanted)
      try {
        return await withdraw({ revoking, managed: () => generations.current().plugins.managed }, wanted, who)
      } finally {
        tellOthers?.(elsewhere, who)
      }
    },
    // Plugins of a generation that is retiring may still hold handshakes.
    message: (tag, data) =>
      generations.all.reduce((heard, generation) => heard + tellMsg(generation, tag, data), 0),
    reload: () => reload(),
    reloadPlugins: () => reload('plugins'),
    records: () => recordsBehind(generations.current().settings),
    rules: () => ruleInfos(generations.current().configuration.rules),
    record: name => recordNamed(recordsBehind(generations.current().settings), name),
    setRecord: recordSetter(managed.place, reload),
    debug: tags => diags.reconfigure({ enabled: tags !== null, tags }),
    drain: managed.drain,
    restart: () => {
      throw new ProxyError(
        'PTC_ADMIN_REQUEST',
        'one process serves: restart it by the program that has started it, or serve with several (proxy.config.exec_thread.limit)',
      )
    },
    stop,
  }
}

/** Sets records, one after another: a change that is undone undoes no other. */
export function recordSetter(place: ConfigPlace, reload: () => Promise<unknown>): AdminApi['setRecord'] {
  let last: Promise<unknown> = Promise.resolve()
  const set = async (name: string, text: string): Promise<RecordSet> => {
    const change = changeRecord(place, name, text)
    try {
      await reload()
    } catch (cause) {
      undoChange(change)
      throw cause
    }
    const { value, file, needsRestart } = change
    return { name, value, file, needsRestart }
  }
  return (name, text) => {
    const done = last.then(() => set(name, text))
    last = done.catch(() => undefined)
    return done
  }
}

function pluginsOf({ plugins: { lines, registry }, workers }: Generation): readonly PluginStatus[] {
  return lines.map(plugin => {
    const { name, line, options } = plugin
    const { mode, isolate, deadline } = options
    const isolated = workers.get(line)
    const isOn = (id: HookId): boolean =>
      isolated?.hooks.has(id) ?? registry.on(id).some(({ plugin: ref }) => ref.line === line)
    return {
      name,
      line,
      mode,
      isolate,
      deadline,
      hooks: HOOK_IDS.filter(isOn),
      workers: isolated && workersOf(isolated.state()),
    }
  })
}

const workersOf = (state: Omit<WorkersStatus, 'processesWithout'>): WorkersStatus => ({
  ...state,
  processesWithout: state.serving === 0 ? 1 : 0,
})

function countersOf({
  lasting: { handshakes, held, history },
  generations,
  idleConnections,
  clientConnections,
}: Managed): Status['counters'] {
  const inFlight = generations.all.map(({ inFlight: { outbound } }) => outbound.count)
  return {
    handshakes: inFlight.reduce((sum, count) => sum + count, 0),
    parked: held.list().filter(isParkedHandshake).length,
    rememberedVerdicts: generations.current().verification.verdicts.size,
    idleConnections: idleConnections(),
    clientConnections: clientConnections(),
    verdictsTotal: history.total,
    ignoredReenablesTotal: handshakes.ignoredReenables,
    toleratedTotal: Object.fromEntries(handshakes.tolerated),
    shadowsTotal: Object.fromEntries(handshakes.shadows),
  }
}

/** What to say where no plugin has a topic. */
const MISSING: { readonly [T in keyof ManagedCalls]: string } = {
  approvals: 'no plugin asks people: there is no approval.js in plugin.config',
  policy: 'no plugin explains its rules: there is no policy.js in plugin.config',
  learning: 'no plugin learns: there is no learn.js in plugin.config',
}

/**
 * Hands a request on to the plugin in force that has a topic.
 * @param about begins what is said of a failure
 * @throws {ProxyError} PTC_ADMIN_REQUEST when there is none, or it cannot do it
 */
async function askTopic<T extends keyof ManagedCalls, R>(
  generations: Pick<Generations, 'current'>,
  name: T,
  ask: (topic: ManagedCalls[T]) => Promise<R>,
  about = '',
): Promise<R> {
  const topic = generations.current().plugins.managed.get(name)
  if (topic === undefined) throw new ProxyError('PTC_ADMIN_REQUEST', MISSING[name])
  try {
    return await ask(topic)
  } catch (cause) {
    throw new ProxyError('PTC_ADMIN_REQUEST', about + describe(cause), { cause })
  }
}
