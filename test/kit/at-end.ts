import tap from 'tap'
import { GROUP_FILES } from './runner/group-end.js'

const ends: (() => unknown)[] = []

/**
 * Calls `free` when all tests of the file have ended, also where the process runs the tests of other files behind it.
 *
 * Tap's exported `after` waits for an empty event loop, and a listening server keeps the loop busy.
 */
export const atEnd = (free: () => unknown): void => {
  if (process.env[GROUP_FILES] === undefined) tap.teardown(free)
  else ends.push(free)
}

/**
 * Calls `free` when the process ends: for what a part of the kit has made for all tests of a process.
 * @param free does its work at once
 */
export const atExit = (free: () => void): void => void process.once('exit', free)

/** For the runner: frees what the file that has ended wanted to be freed. */
export async function freeAtEnd(): Promise<void> {
  for (const free of ends.splice(0).reverse()) await free()
}
