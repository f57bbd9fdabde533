/**
 * Runs several files of tests in this process, one after another. Behind the TAP of each comes a line that says what it was.
 * Their names are in the environment: tap names folders after arguments. The first file is an argument, so that no other process
 * uses these folders.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { t } from 'tap'
import { liveNatives } from '../../../core/tls/openssl/owned.js'
import { freeAtEnd } from '../at-end.js'
import { closeClients } from '../client.js'
import { type FileEnd, GROUP_FILES, markOf, ofEnd } from './group-end.js'
import { load } from './load.js'

/** What keeps this process alive, each as often as there is one: `TCPServerWrap`, `Timeout`. */
const active = (): readonly string[] => process.getActiveResourcesInfo().sort()

/** Milliseconds for what a file has left to end by itself. */
const PATIENCE = 60_000

/**
 * Waits until nothing keeps the process alive that did not before the file: a process of its own would end then.
 * @throws {Error} where this does not happen, which ends the process in this file
 */
async function nothingIsLeft(file: string, before: readonly string[]): Promise<void> {
  for (const begun = performance.now(); ; ) {
    await sleep(5)
    const now = [...active()]
    for (const one of before) if (now.includes(one)) now.splice(now.indexOf(one), 1)
    if (now.length === 0) return
    if (performance.now() - begun > PATIENCE) throw new Error(`${file} leaves ${now.join(' ')}`)
  }
}

/** Made with its module, for the whole process. */
const LASTING = 'scratch BIO'

/** The objects of OpenSSL that live and did not before the file: `SSL 1`. A test behind it that counts them would fail. */
const nativesLeft = (before: ReturnType<typeof liveNatives>): readonly string[] =>
  Object.entries(liveNatives()).flatMap(([type, count]) => {
    const more = count - (before[type] ?? 0)
    return more > 0 && type !== LASTING ? [`${type} ${more}`] : []
  })

/** The assertions of this module's own behind each file. */
const OWN = 2

for (const file of (process.env[GROUP_FILES] ?? '').split('\n')) {
  const begun = performance.now()
  const { pass, fail, total } = t.counts
  const before = active()
  const natives = liveNatives()
  await load(file)
  // Tests have their turns in order: this one comes behind those of the file.
  await t.test(markOf('end', file), async end => void end.pass())
  try {
    await freeAtEnd()
    closeClients()
  } catch (error) {
    t.fail('what the file has made cannot be freed', { error })
  }
  await nothingIsLeft(file, before)
  const left = nativesLeft(natives)
  if (left.length > 0) t.fail(`the file leaves native objects: ${left}`)
  // A failure is counted when the line behind its diagnostics is written.
  await t.test(markOf('rest', file), async end => void end.pass())
  const { counts } = t
  const end: FileEnd = {
    file,
    passed: counts.pass - pass - OWN,
    failed: counts.fail - fail,
    total: counts.total - total - OWN,
    milliseconds: performance.now() - begun,
  }
  t.comment(ofEnd(end))
}
