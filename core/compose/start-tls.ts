import { createHash } from 'node:crypto'
import type { Records } from '../config/records-table.js'
import { ask, tell } from '../hooks/ask.js'
import type { HookRegistry } from '../hooks/registry.js'
import { type HandshakeSettings, startHandshake } from '../tls/client.js'
import type { HandshakeObserver } from '../tls/observer.js'
import type { StartTls } from '../tls/start-tls.js'
import { makeTerms, type Terms } from '../tls/terms.js'
import { ProxyVConn } from '../vconn/vconn.js'
import type { ConfiguredContext } from './client-context.js'

export interface StartTlsParts {
  readonly records: Records
  readonly registry: HookRegistry
  readonly context: ConfiguredContext
  readonly observer: HandshakeObserver
}

/** How origins are verified from here on, until the next reload. */
export interface Verification {
  readonly startTls: StartTls
  readonly terms: Terms
  /** Hash of everything that shapes a verdict: connections verified under another one are not used again. */
  readonly policyDigest: string
}

/** Every record below it shapes verdicts, or the handshakes they are about. */
const SHAPES_VERDICTS = 'proxy.config.ssl.client.'

let generation = 0

/** Ties records and plugins to the handshake machine, which knows neither. */
export function makeVerification({ records, registry, context, observer }: StartTlsParts): Verification {
  const hooked = registry.on('TS_SSL_CERT_VERIFY_HOOK')
  const terms = makeTerms(
    {
      verify: records['proxy.config.ssl.client.verify.server'],
      policy: records['proxy.config.ssl.client.verify.server.policy'],
      properties: records['proxy.config.ssl.client.verify.server.properties'],
      override: records['proxy.config.ssl.client.verify.server.override'],
    },
    hooked.map(({ plugin }) => plugin.name),
  )
  const settings: HandshakeSettings = {
    context: context.context,
    terms,
    properties: records['proxy.config.ssl.client.verify.server.properties'],
    askers: hooked.map(({ plugin, continuation }) => ({
      plugin: plugin.name,
      deadline: plugin.deadline,
      ask: (event, refuse) => ask<'TS_SSL_CERT_VERIFY_HOOK'>(continuation, event, refuse),
    })),
    deadline: records['proxy.config.ssl.client.verify.deadline'],
    originTimeout: records['proxy.config.ssl.client.handshake_timeout'] * 1000,
    openVConn: outbound(registry, observer),
    observer,
  }
  const startTls: StartTls = (tcp, target, signal) => startHandshake(tcp, target, settings, signal)
  return { startTls, terms, policyDigest: policyDigest(records) }
}

/** An outbound VConn, with its start told and its end to be told once. */
function outbound(registry: HookRegistry, observer: HandshakeObserver): HandshakeSettings['openVConn'] {
  const failed = (plugin: { readonly name: string }, cause: unknown): void =>
    observer.pluginFailed(plugin.name, 'an outbound connection', cause)
  return ends => {
    const closing = registry.on('TS_VCONN_OUTBOUND_CLOSE_HOOK')
    const vconn = new ProxyVConn('outbound', ends, closed => tell(closing, closed, failed))
    tell(registry.on('TS_VCONN_OUTBOUND_START_HOOK'), vconn, failed)
    return vconn
  }
}

/** The plugins count as a new generation with every load: nobody can tell whether their code means the same. */
function policyDigest(records: Records): string {
  const shaping = Object.entries(records).filter(([name]) => name.startsWith(SHAPES_VERDICTS))
  return createHash('sha256')
    .update(JSON.stringify([generation++, shaping]))
    .digest('base64url')
}
