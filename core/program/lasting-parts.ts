import { type DebugSettings, Diags } from '../base/diags.js'
import { FairQueue } from '../base/fair-queue.js'
import type { SharedStore } from '../base/shared-store.js'
import { describe } from '../base/thrown.js'
import { ParentHealth } from '../origin/parents/health.js'
import type { Settings } from '../settings/settings.js'
import { RecentRevocations } from '../tls/judge/recent-revocations.js'
import type { Held } from '../tls/outbound/parked-handshakes.js'
import { HeldTurns } from '../wait/held-turns.js'
import { AccessLogs } from './access-log.js'
import { History } from './history.js'
import { openSink } from './log-sink.js'
import type { OtherProcesses } from './other-processes.js'
import type { Place } from './place.js'
import { Revoking } from './revoking.js'
import { HandshakeLog } from './wiring/outbound/handshake-log.js'
import type { OutboundSharing } from './wiring/outbound/verification.js'
import { ProxyServices } from './wiring/plugin-services.js'

/** The parts of a proxy that outlive its generations: a reload keeps them, with what they have counted, held and shared. */
export interface LastingParts {
  readonly diags: Diags
  readonly handshakes: HandshakeLog
  /** The last verdicts. */
  readonly history: History
  readonly access: AccessLogs
  /** Opens the files anew under their names, after a rotation. */
  readonly reopen: () => void
  /** Rolls no file from now on: another process may do that already. */
  readonly stopRolling: () => void
  /** Writes what is left. */
  readonly close: () => Promise<void>
  /** Shares the processor between handshakes. */
  readonly queue: FairQueue
  /** What waits for plugins. */
  readonly held: Held
  /** Reaches what rests on acceptances. */
  readonly revoking: Revoking
  /** Which parent proxies are down. */
  readonly parents: ParentHealth
  /** What plugins keep and count. */
  readonly services: ProxyServices
  /** What the processes of a fleet share; undefined where this one is alone. */
  readonly sharing: Sharing | undefined
}

type Sharing = Omit<OutboundSharing, 'fingerprints'>

/**
 * @param others undefined where one process serves alone
 * @throws {ProxyError} PTC_LOG_UNWRITABLE
 */
export function openLastingParts(place: Place, settings: Settings, others?: OtherProcesses): LastingParts {
  const sink = openSink(settings.diags.target, place.print, warn, others?.logs)
  const diags = new Diags({ sink: line => sink.write(line), ...debugSettings(settings, place) })
  const access = new AccessLogs(to =>
    openSink(to, place.print, message => diags.error(message), others?.logs),
  )
  const history = new History()
  const revoking = new Revoking(message => diags.note(message), others?.revoke)
  return {
    diags,
    history,
    handshakes: new HandshakeLog(diags, history),
    queue: new FairQueue(cause => diags.error(`a handshake failed: ${describe(cause)}`)),
    held: new HeldTurns(),
    services: new ProxyServices(others?.stateOf, others?.publish),
    parents: new ParentHealth(message => diags.warning(message)),
    revoking,
    sharing: others?.store && sharingOf(others.store, revoking),
    access,
    reopen: () => {
      sink.reopen()
      access.reopen()
    },
    stopRolling: () => {
      sink.roll(undefined)
      access.stopRolling()
    },
    close: async () => {
      await access.close()
      await sink.close()
    },
  }

  function warn(message: string): void {
    place.print('stderr', message)
  }
}

/** What comes out of the store is compared with all revocations, of all generations. */
function sharingOf(store: SharedStore, revoking: Revoking): Sharing {
  const recent = new RecentRevocations()
  revoking.join('verdicts', isRevoked => {
    recent.add(isRevoked)
    return 0
  })
  return { store, recent }
}

/** `-T` wins over the records. */
export const debugSettings = ({ diags }: Settings, { debugTags }: Place): DebugSettings =>
  debugTags === undefined ? diags.debug : { enabled: true, tags: debugTags }
