// Longer than 250 lines because one reading of the configuration, in the order in which it is read, is one concept.
import type { DebugSettings } from '../base/diags.js'
import { ProxyError } from '../base/errors.js'
import { Mistakes } from '../base/mistakes.js'
import { HookRegistry } from '../hooks/registry.js'
import { builtInPages, compilePages, type Pages } from '../http/pages/templates.js'
import type { Names } from '../origin/names/names.js'
import type { Routes } from '../origin/parents/routes.js'
import { type Fingerprints, fingerprintsOf } from '../plugin-host/fingerprint.js'
import type { InWorkers } from '../plugin-host/isolate/isolate.js'
import { loadPlugins, type PluginSet } from '../plugin-host/load.js'
import type { Configuration, Settings } from '../settings/settings.js'
import type { StartTls } from '../tls/outbound/start-tls.js'
import { Shadows } from '../wait/shadows.js'
import { deadlineWarnings } from './deadline-warnings.js'
import { type GenerationInFlight, makeInFlight } from './in-flight.js'
import { debugSettings, type LastingParts } from './lasting-parts.js'
import type { Place } from './place.js'
import { type HookPoints, makeHookPoints } from './wiring/hook-points.js'
import { type Access, makeAccess } from './wiring/inbound/access.js'
import { openBumpAuthority } from './wiring/inbound/bump-authority.js'
import { BumpCertificates } from './wiring/inbound/bump-certificates.js'
import type { Bump } from './wiring/inbound/bump-port.js'
import { type InboundCertificates, loadInboundCertificates } from './wiring/inbound/certificates.js'
import { sharedContext } from './wiring/inbound/client-auth.js'
import { connectModeOf, connectWarnings } from './wiring/inbound/connect.js'
import { type InboundHooks, makeInboundHooks } from './wiring/inbound/hooks.js'
import { isolateWarnings, makeIsolate } from './wiring/isolate.js'
import { OutboundContexts } from './wiring/outbound/contexts.js'
import { makeNames } from './wiring/outbound/names.js'
import { makeRoutes } from './wiring/outbound/routes.js'
import { makeVerification, type Verification } from './wiring/outbound/verification.js'
import { coalescingWarnings, verifyWarnings } from './wiring/outbound/verify-warnings.js'
import { servicesOf } from './wiring/plugin-services.js'
import { VConns } from './wiring/vconns.js'

/** One reading of the configuration: everything that a start, or a reload, makes of it before a port opens. */
export interface Generation {
  /** Milliseconds since the epoch. */
  readonly readAt: number
  readonly configuration: Configuration
  readonly settings: Settings
  /** For the diagnostics, once this generation is in force. */
  readonly debug: DebugSettings
  readonly plugins: PluginSet
  /** Isolated plugins, by their line. */
  readonly workers: ReadonlyMap<number, InWorkers>
  readonly verification: Verification
  readonly contexts: OutboundContexts
  readonly points: HookPoints
  readonly vconns: VConns
  readonly names: Names
  readonly routes: Routes | undefined
  readonly access: Access
  readonly pages: Pages
  /** None where no port speaks TLS. */
  readonly certificates: InboundCertificates | undefined
  readonly clientHooks: InboundHooks
  readonly inFlight: GenerationInFlight
  /** The turns of plugins in shadow mode. A reload does not shorten them. */
  readonly shadowTurns: Shadows
  /** Undefined where no CONNECT is bumped. */
  readonly bump: Bump | undefined
  /** Unregisters its caches from revocation. */
  readonly leaveRevoking: () => void
}

/**
 * Makes everything that the configuration asks for, and initialises the plugins. Opens no port. A failure leaves nothing
 * behind, and changes nothing.
 * @throws {ProxyError} with every mistake of the files that the configuration names, and of all plugins
 */
export async function makeGeneration(
  place: Place,
  { diags, handshakes, queue, held, revoking, services, parents, sharing }: LastingParts,
  configuration: Configuration,
): Promise<Generation> {
  const { settings, pluginLines, hosts, rules, templates } = configuration
  const { inboundTls } = settings
  const { level } = inboundTls.clients
  const mistakes = new Mistakes()
  const undo: (() => void)[] = []
  let verification: Verification | undefined
  try {
    const names = mistakes.read(() => makeNames(settings.names, hosts, place.env))
    const pages = mistakes.read(() => {
      const { errorDetails } = settings.access
      return templates === undefined ? builtInPages(errorDetails) : compilePages(templates, errorDetails)
    })
    const bumps = [undefined, ...rules].some(rule => connectModeOf(settings.connect, rule) === 'bump')
    const authority = bumps
      ? await mistakes.readLater(() => openBumpAuthority(inboundTls.authority))
      : undefined
    const contexts = mistakes.read(() => new OutboundContexts(settings.outboundTls, sharing))
    if (contexts !== undefined) undo.push(() => contexts.free())
    const startTls = (): StartTls | undefined => verification?.startChecked
    const servicesFor = servicesOf(services, {
      names,
      startTls,
      warn: message => diags.warning(message),
    })
    const workers = new Map<number, InWorkers>()
    const plugins = await mistakes.readLater(() =>
      loadPlugins(pluginLines, {
        confDir: place.confDir,
        pluginDir: settings.plugins.dir,
        shippedDirs: place.shippedDirs,
        stripsTypes: place.stripsTypes,
        initTimeout: settings.plugins.initTimeout,
        diags,
        isolate: makeIsolate(
          settings.plugins.workers,
          diags,
          handshakes,
          revoking.revoke,
          servicesFor,
          (line, plugin) => workers.set(line, plugin),
        ),
        servicesFor,
        revoke: revoking.revoke,
      }),
    )
    if (plugins !== undefined) undo.push(() => plugins.unload())
    // Without plugins the other files are still read, for their mistakes.
    const registry = plugins?.registry ?? new HookRegistry()
    const inFlight = makeInFlight()
    const shadowTurns = new Shadows(inFlight.all.enter)
    const points = makeHookPoints(
      registry,
      settings.plugins.deadline,
      handshakes,
      held,
      shadowTurns,
      inFlight,
    )
    const vconns = new VConns(registry, points, message => diags.error(message))
    verification =
      contexts &&
      mistakes.read(() =>
        makeVerification({
          settings: settings.verification,
          connectTimeout: settings.origin.connectTimeout,
          rules,
          registry,
          contexts,
          parentAnchors: settings.parents.anchors,
          observer: handshakes,
          held,
          vconns,
          queue,
          shadowTurns,
          inFlight: inFlight.outbound,
          revocations: revoking.log,
          sharing: sharing && { ...sharing, fingerprints: fingerprints(place, plugins) },
        }),
      )
    const clientHooks = makeInboundHooks(registry, held, shadowTurns)
    const forget = (id: Buffer): void =>
      queueMicrotask(() => void vconns.tell('TS_SSL_SESSION_HOOK', { op: 'remove', id }))
    const onRemoveSession = clientHooks.keepSessions ? forget : undefined
    const certificates = mistakes.read(() =>
      loadInboundCertificates(inboundTls, settings.listener, onRemoveSession),
    )
    undo.push(() => certificates?.free())
    const bump =
      authority &&
      mistakes.read(() => ({
        authority,
        certificates: new BumpCertificates(sharedContext(inboundTls, 'bump', onRemoveSession)),
      }))
    mistakes.check()
    if (names === undefined || pages === undefined || contexts === undefined)
      throw new ProxyError('PTC_INTERNAL', 'a reading failed without an error')
    if (plugins === undefined || verification === undefined)
      throw new ProxyError('PTC_INTERNAL', 'plugins failed without an error')
    return {
      readAt: Date.now(),
      configuration,
      settings,
      debug: debugSettings(settings, place),
      plugins,
      workers,
      verification,
      contexts,
      points,
      vconns,
      names,
      routes: makeRoutes(configuration.parentLines, parents, settings.parents.attempts),
      access: makeAccess(configuration, {
        port: { level: level.port, trust: certificates?.clientTrust },
        bump: { level: level.bump, trust: bump?.certificates.clientTrust },
      }),
      pages,
      certificates,
      clientHooks,
      inFlight,
      shadowTurns,
      bump,
      leaveRevoking: revoking.enter(verification.verdicts, contexts.sessions),
    }
  } catch (cause) {
    for (const free of undo.reverse()) free()
    throw cause
  }
}

function fingerprints({ version, confDir }: Place, plugins: PluginSet | undefined): Fingerprints {
  const { code, data } = fingerprintsOf(plugins?.files ?? [], confDir)
  return { code: `${version} ${code}`, data }
}

/** Frees what a generation holds. Nothing of it may be in flight any more. */
export function discard(generation: Generation): void {
  generation.leaveRevoking()
  generation.verification.verdicts.stopSharing()
  generation.names.close()
  generation.shadowTurns.stop()
  generation.plugins.unload()
  generation.contexts.free()
  generation.certificates?.free()
  generation.bump?.certificates.free()
}

/** Warnings about a configuration that is valid. */
export function warningsOf({
  configuration: { settings, waiting, unread, missing },
  plugins,
  verification: { policies },
  bump,
}: Generation): readonly string[] {
  const aboutConnect = connectWarnings(
    settings.connect,
    policies.map(({ rule }) => rule),
  )
  const aboutKey = bump?.authority.warning === undefined ? [] : [bump.authority.warning]
  const { ports, hasAnnouncers } = settings.listener
  const isClosed = !hasAnnouncers && ports.some(({ isAnnounced }) => isAnnounced)
  return [
    ...(isClosed ? [NO_RELAYS] : []),
    ...waiting.map(record => `${record} has changed: it needs a restart, and keeps its value until then`),
    ...missing,
    ...unread,
    ...verifyWarnings(settings, policies),
    ...coalescingWarnings(settings, policies, plugins.registry),
    ...isolateWarnings(settings.verification.isSynchronous, plugins.registry),
    ...deadlineWarnings(settings, policies, plugins.registry),
    ...aboutConnect,
    ...aboutKey,
  ]
}

const NO_RELAYS =
  'ports with pp take no connection: proxy.config.http.proxy_protocol_allowlist names no relay'
