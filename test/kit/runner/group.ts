/**
 * Runs several files of tests in this process, one after another. Behind the TAP of each comes a line that says what it was.
 * Their names are in the environment: tap names folders after arguments. The first file is an argument, so that no other process
 * uses these folders.
 */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { t } from 'tap'
import { type FileEnd, GROUP_FILES, ofEnd } from './group-end.js'

for (const file of (process.env[GROUP_FILES] ?? '').split('\n')) {
  const begun = performance.now()
  const { pass, fail } = t.counts
  try {
    await import(pathToFileURL(resolve(file)).href)
  } catch (error) {
    t.fail('the file cannot be loaded', { error })
  }
  // Tests have their turns in order: this one comes behind those of the file.
  await t.test(`end of ${file}`, async end => void end.pass())
  const passed = t.counts.pass - pass - 1
  const end: FileEnd = { file, passed, failed: t.counts.fail - fail, milliseconds: performance.now() - begun }
  t.comment(ofEnd(end))
}
