import { fileURLToPath } from 'node:url'
import type { BuiltInResult, Certificate } from '../../core/api/certificate.js'
import type { VerifyServerEvent } from '../../core/api/hooks.js'
import type { Verdict } from '../../core/api/verdict.js'
import { ask } from '../../core/hooks/ask.js'
import { loadPlugins, type PluginSet } from '../../core/plugin-host/load.js'
import { certificateOf } from '../../core/tls/chain-certificate.js'
import { Reenable } from '../../core/vconn/reenable.js'
import { Timers } from '../../core/vconn/schedule.js'
import { ProxyVConn } from '../../core/vconn/vconn.js'
import { type HostKit, makeHost, pluginLine } from '../core/plugin-host/kit.js'

/** Where the compiled samples lie, beside the compiled tests. */
const SAMPLES = fileURLToPath(new URL('../../sample-plugins', import.meta.url))

export interface LoadedSample extends HostKit {
  readonly set: PluginSet
}

/** Loads one sample by its line in plugin.config, the way the proxy does. */
export async function loadSample(
  t: { teardown(fn: () => void): void },
  path: string,
  ...args: string[]
): Promise<LoadedSample> {
  const host = makeHost({ shippedDirs: [SAMPLES] })
  t.teardown(host.dir.remove)
  const set = await loadPlugins([pluginLine(path, 1, ...args)], host.env)
  t.teardown(set.unload)
  host.log.length = 0
  return { ...host, set }
}

const OK: BuiltInResult = { ok: true, name: 'X509_V_OK', code: 0, depth: -1, message: 'ok' }

/** A built-in check that has failed. */
export const SELF_SIGNED: BuiltInResult = {
  ok: false,
  name: 'X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT',
  code: 18,
  depth: 0,
  message: 'self-signed certificate',
}

export interface Origin {
  readonly host: string
  readonly sni?: string
  /** Leaf first. */
  readonly subjects?: readonly string[]
  /** Real certificates, leaf first, instead of `subjects`. */
  readonly ders?: readonly Buffer[]
  readonly builtIn?: BuiltInResult
  readonly protocol?: string
  /** How long until the deadline, milliseconds. */
  readonly patience?: number
  /** Hears what the plugin throws; by default it is thrown. */
  readonly refuse?: (cause: unknown) => void
}

/** A handshake that a plugin was asked about. */
export interface Parked {
  /** What was delivered; empty while the handshake is parked. */
  readonly verdicts: readonly Verdict[]
  /** Client or origin leaves. */
  leave(): void
}

/** Parks a handshake at the first continuation of TS_SSL_CERT_VERIFY_HOOK. */
export function park(set: PluginSet, origin: Origin): Parked {
  const [hooked] = set.registry.on('TS_SSL_CERT_VERIFY_HOOK')
  if (hooked === undefined) throw new Error('nobody is on the hook')
  const verdicts: Verdict[] = []
  const gone = new AbortController()
  const refuse =
    origin.refuse ??
    ((cause: unknown): void => {
      throw cause
    })
  const right = new Reenable(
    verdict => verdicts.push(verdict),
    () => {},
  )
  const timers = new Timers(refuse, gone.signal)
  ask<'TS_SSL_CERT_VERIFY_HOOK'>(
    hooked.continuation,
    makeEvent(origin, {
      reenable: right.call,
      schedule: (fn, ms) => timers.after(ms, fn),
      signal: gone.signal,
    }),
    refuse,
  )
  return {
    verdicts,
    leave: () => {
      right.revoke()
      gone.abort()
    },
  }
}

type Turn = Pick<VerifyServerEvent, 'reenable' | 'schedule' | 'signal'>

function makeEvent(origin: Origin, turn: Turn): VerifyServerEvent {
  const { host, sni = host, subjects = ['/CN=plain'], ders, builtIn = OK } = origin
  const chain = ders?.map(certificateOf) ?? subjects.map(makeCertificate)
  const ends = { remoteAddress: '192.0.2.1:443', localAddress: '192.0.2.2:50000' }
  return {
    ...turn,
    vconn: new ProxyVConn('outbound', ends, () => undefined).shown,
    port: 443,
    deadline: Date.now() + (origin.patience ?? 30_000),
    sni,
    host,
    chain,
    builtChain: chain,
    builtIn,
    checks: { signature: builtIn, name: OK },
    ocspResponse: undefined,
    protocol: origin.protocol ?? 'TLSv1.3',
    cipher: 'TLS_AES_256_GCM_SHA384',
    alpn: undefined,
  }
}

/** Samples read nothing of a certificate but its names. */
function makeCertificate(subject: string): Certificate {
  const names = { subject, issuer: '/CN=issuer', sha256: '00', pem: '', der: Buffer.alloc(0) }
  return names as unknown as Certificate
}
