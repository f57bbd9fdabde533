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
import { ProxyError } from '../base/errors.js'
import { HOOK_IDS } from '../hooks/hook-ids.js'
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
import { askTopic, type QuestionActions, questionActions } from './question-actions.js'
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
export interface ProcessApi extends AdminApi, Pick<QuestionActions, 'answerIfOpen' | 'takeBackIfGiven'> {
  readonly extendHere: AdminApi['extendQuestion']
  /** The history before rows that say the same are joined: other processes have some, too. */
  readonly historyRows: () => readonly HistoryRow[]
}

/** What the management API does. */
export function makeAdminApi(managed: Managed, { version, pid, stop, tellOthers }: Manager): ProcessApi {
  const { lasting, generations, reload } = managed
  const { held, revoking, diags } = lasting
  const startedAt = performance.now()
  const questions = questionActions(managed)
  return {
    ...questions,
    ...heldActions(managed, {
      answer: questions.answer,
      list: questions.approvals,
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
