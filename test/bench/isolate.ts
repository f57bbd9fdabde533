/**
 * What a handshake pays for `@isolate=worker`: the way of one question to a worker and of its answer back, beside the
 * same plugin in the proxy's thread. `node dist/test/bench/isolate.js [QUESTIONS]` prints microseconds.
 */
import process from 'node:process'
import type { ClientHelloFacts } from '../../core/api/client-hooks.js'
import type { VerifyServerEvent } from '../../core/api/hooks.js'
import type { VConn } from '../../core/api/vconn.js'
import type { HookRegistry } from '../../core/hooks/registry.js'
import { isolateWith } from '../../core/plugin-host/isolate/isolate.js'
import { loadPlugins } from '../../core/plugin-host/load.js'
import { SharedServices } from '../../core/plugin-host/services/services.js'
import { certificateOf } from '../../core/tls/judge/chain-certificate.js'
import { ParkedEvent } from '../../core/tls/outbound/parked-event.js'
import { PluginTurn, type Turn, type TurnObserver } from '../../core/wait/turn.js'
import { eventOf } from '../../core/wait/turn-event.js'
import { evidenceOf } from '../kit/evidence.js'
import { NO_FETCH } from '../kit/names.js'
import { makeAuthority } from '../kit/pki.js'
import { makeTempDir } from '../kit/temp-dir.js'

const [, , count = '5000'] = process.argv

/** One question, until it has been answered. */
type Question = (id: number) => Promise<void>

async function main(): Promise<void> {
  const dir = makeTempDir()
  dir.file(
    'accept.mjs',
    `export default ({ hookAdd }) => {
      for (const hook of ['TS_SSL_CERT_VERIFY_HOOK', 'TS_SSL_CLIENT_HELLO_HOOK']) hookAdd(hook, ({ reenable }) => reenable())
    }`,
  )
  const root = await makeAuthority({ name: 'Root' })
  const { cert } = await root.issue({ cn: 'bench.test' })
  const chain = Object.freeze([cert.raw, root.cert.raw].map(certificateOf))
  console.log(`Node ${process.version}, ${count} questions`)
  for (const isolate of ['none', 'worker'] as const) {
    const set = await loadPlugins([line(isolate)], env(dir.path))
    const questions = {
      [`an origin's chain of ${chain.length}`]: aboutOrigin(set.registry, chain),
      "a client's ClientHello": aboutClient(set.registry),
    }
    for (const [what, question] of Object.entries(questions)) {
      for (const abreast of [1, 32]) {
        await measure(question, 1000, abreast)
        print(`${what}, @isolate=${isolate}`, abreast, await measure(question, Number(count), abreast))
      }
    }
    set.unload()
  }
  dir.remove()

  function line(isolate: 'none' | 'worker'): Parameters<typeof loadPlugins>[0][number] {
    const options = { isolate, mode: 'enforce', late: 'reject' } as const
    return {
      file: 'plugin.config',
      line: 1,
      path: 'accept.mjs',
      name: 'accept',
      argv: ['accept.mjs'],
      options,
    }
  }
}

function aboutOrigin(registry: HookRegistry, chain: VerifyServerEvent['chain']): Question {
  const [hooked] = registry.on('TS_SSL_CERT_VERIFY_HOOK')
  const evidence = evidenceOf({ sni: 'bench.test', host: 'bench.test', chain, builtChain: chain })
  return id =>
    turnOf(
      { ...VCONN, id },
      turn => new ParkedEvent(turn, evidence, 443),
      event => hooked?.continuation(event),
    )
}

/** One turn, until the plugin has answered. */
function turnOf<E>(vconn: VConn, toEvent: (turn: Turn) => E, ask: (event: E) => unknown): Promise<void> {
  return new Promise((resolve, fail) => {
    const facts = { vconn, about: 'bench', deadline: Date.now() + 30_000, observer: QUIET }
    const asker = { plugin: 'accept', deadline: undefined, ask: (event: E) => void ask(event) }
    new PluginTurn<E>(asker, facts, toEvent, ({ type }) =>
      type === 'reenabled' ? resolve() : fail(new Error(type)),
    ).start()
  })
}

/** A ClientHello as browsers send it: some sixteen extensions in some seventeen hundred bytes. */
function aboutClient(registry: HookRegistry): Question {
  const [hooked] = registry.on('TS_SSL_CLIENT_HELLO_HOOK')
  const extensions = Array.from({ length: 16 }, (_, i) => i)
  const facts: ClientHelloFacts = {
    alpn: ['h2', 'http/1.1'],
    versions: ['TLSv1.3', 'TLSv1.2'],
    ciphers: Array.from({ length: 16 }, (_, i) => 0x1301 + i),
    extensions,
    extension: () => Buffer.alloc(96),
    raw: Buffer.alloc(1700),
  }
  return id =>
    turnOf(
      { ...VCONN, id, direction: 'inbound' },
      turn => eventOf(turn, { sni: 'bench.test', ...facts }),
      event => hooked?.continuation(event),
    )
}

function env(confDir: string): Parameters<typeof loadPlugins>[1] {
  const nothing = (): void => {}
  const services = new SharedServices()
  const diags = { debug: nothing, note: nothing, error: console.error, ignored: nothing, revoke: nothing }
  return {
    confDir,
    pluginDir: '.',
    shippedDirs: [],
    stripsTypes: false,
    initTimeout: 10_000,
    diags,
    revoke: () => undefined,
    servicesFor: plugin => services.of(plugin, NO_FETCH),
    isolate: isolateWith({
      memoryMb: 64,
      limits: { workers: 2, hangAfter: 2000, initTimeout: 10_000, maxFailures: 5, retryAfter: 5000 },
      diagsFor: () => diags,
      servicesFor: plugin => services.of(plugin, NO_FETCH),
    }),
  }
}

/** Microseconds of each question, with `abreast` questions in flight. */
async function measure(question: Question, questions: number, abreast: number): Promise<number[]> {
  const took: number[] = []
  let next = 0
  const some = async (): Promise<void> => {
    while (next < questions) {
      const began = performance.now()
      await question(next++)
      took.push((performance.now() - began) * 1000)
    }
  }
  await Promise.all(Array.from({ length: abreast }, some))
  return took.sort((a, b) => a - b)
}

const VCONN = {
  direction: 'outbound',
  remoteAddress: '192.0.2.1:443',
  localAddress: '192.0.2.2:50000',
  args: {},
} as const

const QUIET: TurnObserver = { ignoredReenable: () => {}, pluginFailed: () => {} }

function print(what: string, abreast: number, took: readonly number[]): void {
  const at = (share: number): string => (took[Math.floor(took.length * share)] ?? Number.NaN).toFixed(1)
  console.log(`${what}, ${abreast} at a time: median ${at(0.5)} µs, p99 ${at(0.99)} µs`)
}

await main()
