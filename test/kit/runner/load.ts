import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { t } from 'tap'
import { missingBehind, skip } from '../skipping.js'

/** Loads a file of tests. What it does before the first of them may need a program that is missing, too. */
export async function load(file: string): Promise<void> {
  try {
    await import(pathToFileURL(resolve(file)).href)
  } catch (error) {
    const missing = missingBehind(error)
    if (missing === undefined) t.fail('the file cannot be loaded', { error })
    else skip(t, `${file}, all of it`, missing)
  }
}
