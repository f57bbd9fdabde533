import type { FleetStatus } from '../admin/admin-api.js'
import type { SharedStore } from '../base/shared-store.js'
import type { SharedRolling } from '../log/log-file.js'
import type { Publish } from '../plugin-host/services/peers.js'
import type { StateStore } from '../plugin-host/services/state.js'
import type { ManagementPort } from './open-admin.js'

/** The other processes of the proxy, as one of them sees them. */
export interface OtherProcesses {
  /** Keeps the state of a plugin, by its name, for all of them. */
  readonly stateOf: (plugin: string) => StateStore
  /** Revokes what rests on acceptances in all others. */
  readonly revoke: (wanted: unknown, by: string) => void
  /** Sends a message to a plugin in all others. */
  readonly publish: Publish
  /** Keeps verdicts and sessions for all of them; absent where each process keeps its own. */
  readonly store?: SharedStore
  /** The state of the connection to other machines; absent without a fleet. */
  readonly fleetState?: () => FleetStatus
  /** On this machine: which process rolls the log files. */
  readonly logs?: SharedRolling
  /** By which this machine finds its own requests in Via; without it each process has its own. */
  readonly viaToken?: string
  /** What the supervising process has opened: no client may reach it through the proxy. Absent where this process opens it. */
  readonly managementPorts?: readonly ManagementPort[]
  /** Called once this process can take messages of the others. Its ports open when all earlier messages are applied. */
  readonly attach?: (self: ThisProcess) => Promise<void>
  /** How many processes serve: each takes its share of the client connections. */
  readonly count: number
}

/** A process as the others reach it. */
export interface ThisProcess {
  /** @throws {ProxyError} PTC_REVOCATION */
  readonly revokeHere: (wanted: unknown, by: string) => void
  /** What an operator has revoked: approvals go with it. @throws {ProxyError} as `withdraw` does */
  readonly withdrawHere: (wanted: unknown, by: string) => Promise<unknown>
  /** A message for a plugin, by its name. Never rejected. @returns when its listeners have been called */
  readonly deliver: (plugin: string, message: unknown) => Promise<void>
  readonly warn: (message: string) => void
}
