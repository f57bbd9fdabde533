/** What can be asked and done through the management API. The composition root fills it in; nothing here decides. */
import type { HookId } from '../api/hooks.js'
import type { Approval, ApprovalAnswer, GivenAnswer } from '../api/managed.js'
import type { RecordInfo, RuleInfo } from '../settings/record-report.js'
import type { RevokedCounts } from '../tls/judge/revocations.js'
import type { RememberedVerdict } from '../tls/judge/verdict-cache.js'
import type { HeldTurn } from '../wait/held-turns.js'
import type {
  HeldAccepted,
  HeldAnswer,
  HeldElsewhere,
  HistoryFilter,
  HistoryRow,
  ParkedDetail,
  ParkedRow,
} from './held-api.js'

export interface PluginStatus {
  readonly name: string
  /** Its line in plugin.config. */
  readonly line: number
  readonly mode: 'enforce' | 'shadow'
  readonly isolate: 'none' | 'worker'
  /** Milliseconds it has for one answer, if its line says so. */
  readonly deadline?: number | undefined
  /** The hooks it is on. */
  readonly hooks: readonly HookId[]
  /** The workers of a plugin in worker threads. */
  readonly workers?: WorkersStatus | undefined
}

export interface WorkersStatus {
  /** Those that can be asked, in all processes. */
  readonly serving: number
  /** Processes in which none can be asked. */
  readonly processesWithout: number
  /** The hooks on which it has failed again and again, and is not asked for a while. */
  readonly outOfService: readonly HookId[]
}

export interface Status {
  readonly pid: number
  readonly version: string
  /** Milliseconds. */
  readonly uptime: number
  readonly isStopping: boolean
  /** Clients are asked to come back by new connections. */
  readonly isDraining: boolean
  readonly confDir: string
  /** How often the configuration, or its plugins alone, have been read. */
  readonly generation: number
  /** When it was read last; milliseconds since the epoch. */
  readonly readAt: number
  readonly ports: readonly { readonly address: string; readonly port: number }[]
  readonly plugins: readonly PluginStatus[]
  readonly counters: Counters
  /** Those that serve, this one alone or several under a supervising one. */
  readonly processes: readonly ProcessStatus[]
  /** The fleet as the process with `pid` sees it; absent where there is none. */
  readonly fleet?: FleetStatus | undefined
}

/** The connection of one process to the Redis of its fleet. */
export interface FleetStatus {
  readonly isConnected: boolean
  /** Since when that is so; milliseconds since the epoch. */
  readonly since: number
  /** Why the connection was lost last, or could not be made; null where that has not happened. */
  readonly lastError: string | null
  readonly lastErrorAt: number | null
  /** What this process tells the others, and Redis has not taken yet. */
  readonly waiting: number
}

/** One process that serves. */
export interface ProcessStatus {
  readonly pid: number
  /** Milliseconds. */
  readonly uptime: number
  /** How often it has read the configuration. */
  readonly generation: number
  readonly counters: Counters
  /** Absent where there is no fleet. */
  readonly fleet?: FleetStatus | undefined
}

/** By what a plugin in shadow mode would have done: accepted, rejected, failed; or it was not asked, among too many. */
export interface ShadowTotals {
  readonly accepted: number
  readonly rejected: number
  readonly failed: number
  readonly unknown: number
}

/** What there is now, and (`…Total`) what there has been since the start. */
export interface Counters {
  readonly handshakes: number
  readonly parked: number
  readonly rememberedVerdicts: number
  /** Idle connections with origins. */
  readonly idleConnections: number
  /** Open connections with clients. */
  readonly clientConnections: number
  /** Rows of the history, and how often each came. */
  readonly verdictsTotal: number
  /** Answers of plugins that reached nothing. */
  readonly ignoredReenablesTotal: number
  /** How often a failed built-in check did not bind, by the name of its X509_V_ERR. */
  readonly toleratedTotal: Readonly<Record<string, number>>
  /** What plugins in shadow mode would have done, by plugin. */
  readonly shadowsTotal: Readonly<Record<string, ShadowTotals>>
}

/** What clients were answered, by version of HTTP and class of status. */
export interface RequestCount {
  /** `1.0`, `1.1`, `2`, or `other`. */
  readonly version: string
  /** `2xx`; `none` where the client left before an answer. */
  readonly class: string
  readonly count: number
}

export interface Traffic {
  readonly requests: readonly RequestCount[]
  /** Bytes of bodies and tunnels. The origin counters leave out requests without a connection to an origin. */
  readonly fromClients: number
  readonly toClients: number
  readonly toOrigins: number
  readonly fromOrigins: number
}

/** How much a revocation reached. */
export interface Withdrawn extends RevokedCounts {
  /** Answers of people. */
  readonly approvals: number
}

/** What became of a record that was set. */
export interface RecordSet {
  readonly name: string
  /** As a line says it. */
  readonly value: string
  /** Where it is set now. */
  readonly file: string
  readonly needsRestart: boolean
}

/** At once in the process that is asked; later where several processes are. */
export type Maybe<T> = T | Promise<T>

export interface AdminApi {
  status(): Maybe<Status>
  parked(): Maybe<readonly ParkedRow[]>
  /** What plugins hold on the other hooks. */
  held(): Maybe<readonly HeldTurn[]>
  /** What other proxies of the fleet hold for questions that are open here. */
  heldElsewhere(): Maybe<readonly HeldElsewhere[]>
  /**
   * Rejects in place of the plugin that holds it.
   * @throws {ProxyError} PTC_ADMIN_REQUEST when it is not parked, or the reason is none
   */
  reject(id: number, reason: string, detail: string | undefined): Maybe<void>
  /**
   * Answers the question of the plugin that holds it, or accepts in place of the plugin.
   * @throws {ProxyError} PTC_ADMIN_REQUEST when it is not parked, PTC_ADMIN_OVERRULE when operators may not accept it
   */
  accept(id: number, answer: HeldAnswer): Promise<HeldAccepted>
  /**
   * Moves the deadline of the plugin that holds it; where that asks a question, for all that wait for it in the same process.
   * @param ms later than it was
   * @returns the new one, in milliseconds since the epoch
   * @throws {ProxyError} PTC_ADMIN_REQUEST when it is not parked, or would be for too long
   */
  extend(id: number, ms: number): Promise<number>
  /**
   * The same for all handshakes that wait for a question.
   * @returns how many wait
   * @throws {ProxyError} PTC_ADMIN_REQUEST when no plugin asks people, nothing waits for such a question, or it would be for too long
   */
  extendQuestion(id: string, ms: number): Maybe<number>
  /** Everything about one. @throws {ProxyError} PTC_ADMIN_REQUEST when it is not parked */
  parkedDetail(id: number): Maybe<ParkedDetail>
  /** The last verdicts, the latest first. */
  history(filter: HistoryFilter): Maybe<readonly HistoryRow[]>
  /**
   * Open questions, oldest first.
   * @throws {ProxyError} PTC_ADMIN_REQUEST when no plugin asks people
   */
  approvals(): Maybe<readonly Approval[]>
  /** The answers of people that count, the latest first. @throws {ProxyError} as `approvals` */
  answers(): Maybe<readonly GivenAnswer[]>
  /**
   * Takes a rejection of a person back: the next handshake is a question again.
   * @param id of the question that it was given to
   * @throws {ProxyError} PTC_ADMIN_REQUEST when no rejection counts under this id
   */
  takeBack(id: string, who: string): Promise<GivenAnswer>
  /** @throws {ProxyError} PTC_ADMIN_REQUEST when no plugin asks people, or no such question is open */
  answer(id: string, answer: ApprovalAnswer): Promise<Approval>
  /** Which rule decides about a host. @throws {ProxyError} PTC_ADMIN_REQUEST when no plugin explains its rules */
  explain(host: string): Promise<readonly string[]>
  /** Reports what was learned, or writes rules from it. @throws {ProxyError} PTC_ADMIN_REQUEST when no plugin learns */
  learning(what: 'report' | 'write'): Promise<readonly string[]>
  verdicts(): Maybe<readonly RememberedVerdict[]>
  /**
   * What rests on acceptances goes, and so do the approvals behind them.
   * `who` is kept in the record of approvals.
   * @throws {ProxyError} PTC_REVOCATION
   */
  revoke(wanted: unknown, who: string): Promise<Withdrawn>
  /** Returns how many plugins have heard it. */
  message(tag: string, data: string | undefined): Maybe<number>
  /**
   * Returns the records that have changed and need a restart, with the place where they were set.
   * @throws {ProxyError} what is wrong with the configuration; the old one goes on
   */
  reload(): Promise<readonly string[]>
  /**
   * Loads all plugins anew, with the configuration in force: as a reload that finds no file changed but those of plugins.
   * @throws {ProxyError} what is wrong with a plugin; the old ones go on
   */
  reloadPlugins(): Promise<unknown>
  /** All records, by name. */
  records(): Maybe<readonly RecordInfo[]>
  /** The rules of sni.yaml, in their order. */
  rules(): Maybe<readonly RuleInfo[]>
  /** One record. @throws {ProxyError} PTC_ADMIN_REQUEST for a name that is no record's */
  record(name: string): Maybe<RecordInfo>
  /**
   * Gives a record another value in its file, and reads the configuration again. A configuration that cannot be read then is
   * undone.
   * @throws {ProxyError} PTC_ADMIN_REQUEST, PTC_CONFIG_UNWRITABLE, or what is wrong with the value or the configuration
   */
  setRecord(name: string, text: string): Promise<RecordSet>
  /**
   * Switches debug lines on for these tags, or off, until the next reload. @param tags a regular expression
   * @throws {ProxyError} PTC_RECORDS_INVALID
   */
  debug(tags: string | null): Maybe<void>
  /** Has clients come back by new connections: `Connection: close`, GOAWAY; idle ones are closed. @param isOn false: no more */
  drain(isOn: boolean): Maybe<void>
  /**
   * Begins to replace the processes that serve, one after another; the ports stay open.
   * @returns how many there are
   * @throws {ProxyError} PTC_ADMIN_REQUEST where one process serves; what is wrong with the configuration
   */
  restart(): Maybe<number>
  /** Begins to end: takes no new clients, lets requests end. Returns for how long, in milliseconds. */
  stop(): number
}
