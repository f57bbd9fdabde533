import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadPlugins, type PluginSet } from '../../../core/plugin-host/load.js'
import { type HostKit, makeHost, pluginLine } from '../../core/plugin-host/kit.js'
import { type Origin, type Parked, park } from '../../plugins/kit.js'
import { compileElsewhere } from './compile.js'
import { blocksOf, readPages } from './markdown.js'

/** What of a test is needed here. */
export interface Cleaner {
  teardown(fn: () => unknown): void
}

/** The blocks of code in the pages, and where each is. */
const blocks = readPages().flatMap(({ path, text }) =>
  blocksOf(text).map(block => ({ ...block, place: `${path}:${block.line}` })),
)

/** Plugins: JavaScript and TypeScript. */
export const code = blocks.filter(({ language }) => language === 'js' || language === 'ts')
/** Configuration files. */
export const configurations = blocks.filter(({ language, name }) => language === '' && name !== undefined)

const named = code.map(block => [block.name ?? '', block.code] as const)
export const compiled = compileElsewhere(new Map(named))

export interface LoadedSnippet extends HostKit {
  readonly set: PluginSet
  /** Parks a handshake at it; without more, one with `a.example`. */
  ask(origin?: Partial<Origin>): Parked
}

/** Loads a compiled snippet as the proxy does. */
export async function loadSnippet(t: Cleaner, name: string, ...args: string[]): Promise<LoadedSnippet> {
  const host = makeHost()
  t.teardown(host.dir.remove)
  const set = await loadPlugins([pluginLine(compiled.output(name), 1, ...args)], host.env)
  t.teardown(set.unload)
  host.log.length = 0
  return { ...host, set, ask: origin => park(set, { host: 'a.example', ...origin }) }
}

/** The verdicts as soon as there are any; none when there are none after a second. */
export async function verdictsOf({ verdicts }: Parked): Promise<Parked['verdicts']> {
  for (const end = Date.now() + 1000; verdicts.length === 0 && Date.now() < end; ) await sleep(2)
  return verdicts
}

/** A web service for plugins that ask one. */
export async function startService(
  t: Cleaner,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/check`
}
