/**
 * `npm run demo`: the proof of concept's three requests, through the real program, to origins of our own. Nothing leaves
 * this machine, and nothing stays on it: ports, program and files end with the demo, on Ctrl-C as well.
 *
 *     origins up -> configuration written -> proxy up -> three requests at once -> picture -> curl -> summary
 *
 * Exit status: 0 when all went as it ought to, 1 when not (and it is said what), 130 after Ctrl-C.
 */
import { join } from 'node:path'
import { makeTempDir } from '../temp-dir.js'
import { type DemoClient, demoClient, runCurl } from './clients.js'
import { type DemoOrigin, demoOrigins } from './origins.js'
import { draw, LEGEND } from './picture.js'
import { type DemoProxy, startProxy, writeConfiguration } from './proxy.js'
import { Screen } from './screen.js'
import { EXPECTED, mistakes, type Story, summary } from './story.js'

/** Milliseconds from frame to frame. */
const FRAME = 80
/** How long the last log line and the last alert may be on their way, milliseconds. */
const SETTLE = 100
/** Of curl's words on one line of the screen. */
const INDENT = 4

const screen = new Screen(process.stdout, process.env)
const cleanups: (() => void | Promise<void>)[] = []
let isStopped = false

async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
}

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.once(signal, () => {
    isStopped = true
    void cleanUp().finally(() => process.exit(status))
  })
}

async function main(): Promise<string[]> {
  screen.print(
    '',
    screen.paint('bold', 'Portcullis: three requests at the same moment, to three origins'),
    '',
  )
  const dir = makeTempDir()
  cleanups.push(dir.remove)
  const { origins, caPem } = await demoOrigins(EXPECTED.map(({ host }) => host))
  cleanups.push(...origins.map(origin => origin.stop))
  writeConfiguration(dir, origins, caPem)
  const proxy = await startProxy(dir.path, child => cleanups.push(child.stop))
  const clients = await Promise.all(origins.map(origin => demoClient(proxy.port, origin)))
  cleanups.push(...clients.map(client => client.stop))
  screen.print(
    '  origins       on this machine, with certificates of a throw-away CA',
    `  proxy         127.0.0.1:${proxy.port}, with the plugin sample-plugins/async_verify.ts:`,
    '                block google.com, allow facebook.com, delay twitter.com by 3 s',
    `  clients       ${clients[0]?.request}`,
    '                and the same for www.facebook.com and www.twitter.com',
    '',
  )
  const stories = await showRequests(proxy, origins, clients)
  await showCurl(proxy, origins, join(dir.path, 'ca.pem'))
  screen.print(...stories.map(story => `  ${summary(story)}`), '')
  return stories.flatMap((story, i) =>
    EXPECTED.slice(i, i + 1).flatMap(expected => mistakes(story, expected)),
  )
}

/** Sends all three, and shows how it goes. */
async function showRequests(
  proxy: DemoProxy,
  origins: readonly DemoOrigin[],
  clients: readonly DemoClient[],
): Promise<readonly Story[]> {
  const start = performance.now()
  const answers: Story['client'][] = clients.map(() => ({}))
  const frame = (): string[] => draw(collect(), performance.now() - start, screen)
  const collect = (): Story[] =>
    origins.map((origin, i) =>
      since(start, {
        host: origin.host,
        client: answers[i] ?? {},
        proxy: proxy.seen(origin.host),
        origin: origin.seen(),
      }),
    )
  const timer = setInterval(() => screen.frame(frame()), FRAME)
  try {
    await Promise.all(
      clients.map(async (client, i) => {
        answers[i] = await client.send()
      }),
    )
    // The log and the alert may be on their way still.
    await new Promise(resolve => setTimeout(resolve, SETTLE))
  } finally {
    clearInterval(timer)
  }
  screen.finalFrame([...frame(), '', `  ${screen.paint('dim', LEGEND)}`, ''])
  return collect()
}

/** The same story with its times counted from `start`. */
function since(start: number, { host, client, proxy, origin }: Story): Story {
  const shift = <T extends object>(times: T): T =>
    Object.fromEntries(
      Object.entries(times).map(([name, value]) => [name, name.endsWith('At') ? value - start : value]),
    ) as T
  return { host, client: shift(client), proxy: shift(proxy), origin: shift(origin) }
}

/** A tunnel to a host that is blocked, and to one that is not. */
async function showCurl(proxy: DemoProxy, origins: readonly DemoOrigin[], caFile: string): Promise<void> {
  const [blocked, allowed] = origins
  for (const origin of [blocked, allowed]) {
    if (origin === undefined) continue
    const run = await runCurl(proxy.port, origin, caFile)
    if (run === undefined) return screen.print('  (no curl on this machine: CONNECT is not shown)', '')
    if (run.connectStatus === 501) return screen.print('  (this build does not serve CONNECT yet)', '')
    screen.print(`  $ ${run.command}`, `${' '.repeat(INDENT)}${run.said.slice(0, screen.width - INDENT)}`)
  }
  screen.print('')
}

try {
  const wrong = await main()
  for (const line of wrong) process.stderr.write(`not as it ought to be: ${line}\n`)
  process.exitCode = wrong.length === 0 ? 0 : 1
} catch (cause) {
  // After Ctrl-C everything fails, and need not be told.
  if (!isStopped)
    process.stderr.write(`the demo failed: ${cause instanceof Error ? cause.message : String(cause)}\n`)
  process.exitCode = 1
} finally {
  await cleanUp()
}
