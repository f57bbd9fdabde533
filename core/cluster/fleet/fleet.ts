/**
 * The machines that share a Redis: plugin state, revocations, and messages between plugins are the same in all their
 * processes; remembered verdicts and sessions with origins are shared. While Redis is away each goes on alone, and says so.
 */
import type { FleetStatus } from '../../admin/admin-api.js'
import { readFleetFiles } from '../../base/fleet-files.js'
import type { StoreKeys } from '../../base/store-keys.js'
import { describe } from '../../base/thrown.js'
import type { StateStore } from '../../plugin-host/services/state.js'
import type { OtherProcesses, ThisProcess } from '../../program/other-processes.js'
import type { FleetSettings } from '../../settings/program.js'
import { type RedisClient, redisClient } from './link.js'
import { RedisState } from './redis-state.js'
import { SharedItems } from './shared-items.js'
import { SharedLog } from './shared-log.js'

/** Begins all names in Redis. */
const PREFIX = 'portcullis:'
/** Milliseconds that a connection may be silent. */
const SILENCE = 2000
/** Milliseconds between two warnings about what is shared. */
const QUIET = 60_000
const REVOKED = 'revoked'
const PLUGIN = 'plugin'

interface Revoked {
  readonly wanted: unknown
  readonly by: string
  /** An operator has done it: approvals go as well. */
  readonly isByOperator?: boolean
}

interface Published {
  readonly plugin: string
  readonly message: unknown
}

export class Fleet {
  readonly #keys: StoreKeys
  readonly #log: SharedLog
  readonly #client: RedisClient
  readonly #items: SharedItems
  readonly #hide: (text: string) => string
  #quietUntil = -Infinity
  #self: ThisProcess | undefined
  /** Work for entries that came before this process was ready. */
  readonly #early: ((self: ThisProcess) => unknown)[] = []

  /** @throws {ProxyError} PTC_CLUSTER_KEYS without keys to seal with, PTC_CLUSTER_CA for authorities that cannot be used */
  constructor(settings: FleetSettings) {
    const { url, lookupTimeout, lives } = settings
    const { keys, ca } = readFleetFiles(settings)
    const redis = { url, ca }
    this.#keys = keys
    // Redis repeats the arguments of a command that it does not know.
    const passwords = passwordsIn(url)
    const hide = (text: string): string => passwords.reduce((all, one) => all.replaceAll(one, '***'), text)
    this.#hide = hide
    this.#client = redisClient(redis, SILENCE, () => undefined) // `SharedLog` fails in the same way, and reports it
    this.#log = new SharedLog({
      redis,
      keys: this.#keys,
      prefix: PREFIX,
      isRepeated: topic => topic === REVOKED,
      onEntry: (topic, entry) => this.#when(self => this.#take(self, topic, entry)),
      onGap: () =>
        this.#when(self => {
          self.warn('entries of other processes may be lost: everything that rests on acceptances is revoked')
          self.revokeHere('all', 'the fleet')
        }),
      onState: lost =>
        this.#when(self => {
          if (lost === undefined) self.warn('Redis of the fleet answers again')
          else self.warn(`Redis of the fleet does not answer: ${hide(lost)}; this process goes on alone`)
        }),
    })
    this.#items = new SharedItems({
      client: this.#client,
      keys: this.#keys,
      prefix: PREFIX,
      limit: lookupTimeout,
      lives,
      readySince: () => (this.#self === undefined ? undefined : this.#log.readySince),
      onSlow: () =>
        this.#tellTrouble(
          `has not answered within ${lookupTimeout} ms (proxy.config.cluster.lookup_timeout); handshakes go on alone`,
        ),
      onRefused: why => this.#tellTrouble(`refuses ${hide(why)}; verdicts and sessions are not shared`),
    })
  }

  /** Once a minute at most. */
  #tellTrouble(what: string): void {
    if (performance.now() < this.#quietUntil) return
    this.#quietUntil = performance.now() + QUIET
    this.#when(self => self.warn(`Redis of the fleet ${what}`))
  }

  /** As a process that serves sees the fleet. */
  get others(): Required<
    Pick<OtherProcesses, 'stateOf' | 'revoke' | 'publish' | 'attach' | 'store' | 'fleetState'>
  > {
    return {
      fleetState: this.state,
      store: this.#items,
      stateOf: plugin => this.#stateOf(plugin),
      revoke: (wanted, by) => this.revoke(wanted, by),
      publish: async (plugin, message) => this.#log.append(PLUGIN, { plugin, message }),
      attach: self => this.#attach(self),
    }
  }

  /** The state of the connection over which processes send entries to each other. */
  readonly state = (): FleetStatus => {
    const { lastError, ...state } = this.#log.state
    return { ...state, lastError: lastError === null ? null : this.#hide(lastError) }
  }

  /** What an operator has revoked, in all other processes. */
  readonly withdraw = (wanted: unknown, by: string): void => {
    this.#log.append(REVOKED, { wanted, by, isByOperator: true } satisfies Revoked)
  }

  /** In all other processes. */
  revoke(wanted: unknown, by: string): void {
    this.#log.append(REVOKED, { wanted, by } satisfies Revoked)
  }

  close(): void {
    this.#log.close()
    this.#client.destroy()
  }

  /** Ends when all earlier entries of others are applied, or Redis does not answer for them in time. */
  async #attach(self: ThisProcess): Promise<void> {
    await this.#log.caughtUp
    this.#self = self
    await Promise.all(this.#early.splice(0).map(early => early(self)))
  }

  #when(work: (self: ThisProcess) => unknown): void {
    if (this.#self === undefined) this.#early.push(work)
    else work(this.#self)
  }

  #take(self: ThisProcess, topic: string, entry: unknown): unknown {
    if (topic === PLUGIN) {
      const { plugin, message } = entry as Published
      return self.deliver(plugin, message)
    }
    if (topic !== REVOKED) return undefined
    // Whatever was meant, what rests on it must not stay.
    const onFailed = (cause: unknown): void => {
      self.warn(`a revocation of another process cannot be done: ${describe(cause)}; everything is revoked`)
      self.revokeHere('all', 'the fleet')
    }
    try {
      const { wanted, by, isByOperator } = entry as Revoked
      if (isByOperator === true) return self.withdrawHere(wanted, by).catch(onFailed)
      return self.revokeHere(wanted, by)
    } catch (cause) {
      return onFailed(cause)
    }
  }

  #stateOf(plugin: string): StateStore {
    // The name of one plugin may begin like that of another, or be a pattern to Redis.
    const name = this.#keys.nameOf(Buffer.from(plugin))
    return new RedisState(this.#client, this.#keys, `${PREFIX}state:${name}:`, () => undefined)
  }
}

/** As written, and as sent. */
function passwordsIn(url: string): readonly string[] {
  const written = URL.canParse(url) ? new URL(url).password : ''
  return written === '' ? [] : [decodeURIComponent(written), written]
}
