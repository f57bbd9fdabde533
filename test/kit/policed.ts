/** A proxy whose rules are told by a test, and origins by what they show. */
import type { Test } from 'tap'
import { get } from './client.js'
import type { HttpResponse } from './http-response.js'
import { type NodeOrigin, type NodeOriginOptions, nodeOrigin } from './node-origin.js'
import type { Issued } from './pki.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from './proxy.js'

export interface PolicedOptions extends ProxyConf {
  /** The text of sni.yaml. */
  readonly sni?: string
  /** What each origin shows, by a word of the test's. */
  readonly origins: Readonly<Record<string, Shown>>
  /** For all of them. */
  readonly tls?: OriginTls
}

type OriginTls = Partial<NonNullable<NodeOriginOptions['tls']>>

interface Shown extends Pick<Issued, 'chainPem' | 'keyPem'> {
  readonly tls?: OriginTls
}

export interface Policed {
  readonly proxy: ProxyHere
  /** Asks the origin of that word under a name. */
  ask(origin: string, host: string, path?: string): Promise<HttpResponse>
  origin(word: string): NodeOrigin
  /** Puts other rules and records in place and has them read. */
  reload(conf: Omit<PolicedOptions, 'origins'>): Promise<void>
}

/** Every name of the test must be in `hosts`. */
export async function policed(t: Test, options: PolicedOptions): Promise<Policed> {
  const origins = new Map<string, NodeOrigin>()
  for (const [word, { chainPem, keyPem, tls }] of Object.entries(options.origins)) {
    const started = await nodeOrigin({ tls: { ...options.tls, ...tls, chainPem, keyPem } })
    t.teardown(started.stop)
    origins.set(word, started)
  }
  const full = (conf: Omit<PolicedOptions, 'origins'>): ProxyConf => ({
    ...conf,
    files: { ...conf.files, 'sni.yaml': conf.sni ?? '' },
  })
  const proxy = await startProxyHere(full(options))
  t.teardown(proxy.stop)
  const origin = (word: string): NodeOrigin => {
    const found = origins.get(word)
    if (found === undefined) throw new Error(`no origin ${word}`)
    return found
  }
  return {
    proxy,
    origin,
    ask: (word, host, path = '/') => get(proxy.port, `https://${host}:${origin(word).port}${path}`),
    reload: async conf => {
      proxy.conf.write(full(conf))
      await proxy.server.reload()
    },
  }
}
