/**
 * `npm run demo`: the proof of concept's three requests, through the real program, to origins of our own. Nothing leaves
 * this machine, and nothing stays on it: ports, program and files end with the demo, on Ctrl-C as well.
 *
 *     origins up -> configuration written -> proxy up -> three requests at once -> picture -> curl -> summary
 *
 * `npm run demo -- --stay` leaves origins and program up until Ctrl-C, and says how to try them by hand.
 *
 * Exit status: 0 when all went as it ought to, 1 when not (and it is said what), 64 for an unknown option, 130 after Ctrl-C.
 */
import { join } from 'node:path'
import { makeTempDir } from '../temp-dir.js'
import { demoClient } from './clients.js'
import { demoOrigins } from './origins.js'
import { startProxy, writeConfiguration } from './proxy.js'
import { type Cast, showCurl, showRequests, stay } from './scenes.js'
import { Screen } from './screen.js'
import { EXPECTED, mistakes, summary } from './story.js'

const { isStaying, unknown } = readArguments(process.argv.slice(2))
if (unknown !== undefined) {
  process.stderr.write(`the demo has no option ${unknown}; it has one: npm run demo -- --stay\n`)
  process.exit(64)
}
// Where the reader leaves early (`npm run demo | head`), the demo goes on, and ends what it has started.
process.stdout.on('error', () => undefined)
const screen = new Screen(process.stdout, process.env)
const cleanups: (() => void | Promise<void>)[] = []
let isStopped = false

function readArguments(args: readonly string[]): { isStaying: boolean; unknown: string | undefined } {
  return { isStaying: args.includes('--stay'), unknown: args.find(arg => arg !== '--stay') }
}

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
  const cast: Cast = { screen, proxy, origins, clients, caFile: join(dir.path, 'ca.pem') }
  const stories = await showRequests(cast)
  await showCurl(cast)
  screen.print(...stories.map(story => `  ${summary(story)}`), '')
  if (isStaying) await stay(cast)
  return stories.flatMap((story, i) =>
    EXPECTED.slice(i, i + 1).flatMap(expected => mistakes(story, expected)),
  )
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
