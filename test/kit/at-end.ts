import tap from 'tap'

/**
 * Calls `free` when all tests of the file have ended.
 *
 * Tap's exported `after` waits for an empty event loop, and a listening server keeps the loop busy.
 */
export const atEnd = (free: () => unknown): void => tap.teardown(free)
