/** Commands to their end: in the test's own process, where a command takes no start of a program, and as the program. */
import process from 'node:process'
import type { Test } from 'tap'
import { statusOf } from '../../core/commands.js'
import type { Child } from './child.js'
import { PLAIN_ENV, runMain } from './proxy.js'

/** What a shell sees of a command that has ended. */
export type Ended = Pick<Child, 'exitCode' | 'stdout' | 'stderr'>

export interface Surroundings {
  readonly env?: NodeJS.ProcessEnv | undefined
  readonly cwd?: string
}

/**
 * Runs a command. What needs the program: signals, what plugins write to the standard streams or leave behind, and the
 * end of the process.
 * @throws when it goes on, as a start that succeeds
 */
export async function commandHere(
  args: readonly string[],
  { env = {}, cwd = process.cwd() }: Surroundings = {},
): Promise<Ended> {
  const text = { stdout: '', stderr: '' }
  const exitCode = await statusOf(args, {
    cwd,
    env: { ...PLAIN_ENV, ...env },
    print: (stream, line) => {
      text[stream] += `${line}\n`
    },
  })
  if (exitCode === undefined) throw new Error(`${args.join(' ')} goes on in this process`)
  return { exitCode, stdout: () => text.stdout, stderr: () => text.stderr }
}

/** Runs the program to its end. */
export async function runToEnd(t: Test, args: readonly string[]): Promise<Ended> {
  const child = await runMain(args)
  t.teardown(child.stop)
  child.endInput()
  await child.exited()
  return child
}
