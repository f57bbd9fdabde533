import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { requireProgram } from './programs.js'
import { PATIENCE, Watch, within } from './watch.js'

/** A program that a test has started. It is killed by its process id, at the latest when the test's process ends. */
export interface Child {
  readonly pid: number
  readonly exitCode: number | null
  stdout(): string
  stderr(): string
  write(text: string | Uint8Array): void
  endInput(): void
  /** The first answer of `probe`, asked again at every output; rejects when the program ends before. */
  until<T>(probe: () => T | undefined, what: string, ms?: number): Promise<T>
  /** Its exit code, -1 when a signal ended it. */
  exited(ms?: number): Promise<number>
  kill(signal?: NodeJS.Signals): void
  /** Asks it to end, insists after two seconds, and waits until it is gone. Safe to call twice. */
  stop(): Promise<void>
}

export interface ChildOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  readonly onStdout?: (text: string) => void
}

const running = new Set<() => void>()
process.once('exit', () => {
  for (const kill of running) kill()
})

/** @throws ProgramMissing, which ends the test as skipped, when the machine lacks a program of the table */
export async function startChild(
  command: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<Child> {
  requireProgram(command)
  const { onStdout, env = process.env, ...rest } = options
  const { TAP: _, ...plain } = env // what a test starts is no test
  const child = spawn(command, args, { ...rest, env: plain, stdio: ['pipe', 'pipe', 'pipe'] })
  const watch = new Watch()
  const output = { stdout: '', stderr: '' }
  let isGone = false
  const closed = once(child, 'close').then(() => {
    isGone = true
    running.delete(killNow)
    watch.changed()
  })
  const killNow = (): void => {
    child.kill('SIGKILL')
  }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('latin1').on('data', (text: string) => {
      output[name] += text
      if (name === 'stdout') onStdout?.(text)
      watch.changed()
    })
  }
  child.stdin.on('error', () => undefined) // the program may end before it has read its input
  closed.catch(() => undefined)
  await within(once(child, 'spawn'), `${command} to start`)
  running.add(killNow)

  const told = (): string =>
    `${command} ${args.join(' ')}\nstdout: ${output.stdout.slice(-2000)}\nstderr: ${output.stderr.slice(-2000)}`
  const gone = (ms?: number): Promise<true> =>
    watch.until(
      () => isGone || undefined,
      () => `the end of ${told()}`,
      ms,
    )
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await gone(2000).catch(() => {
      killNow()
      return gone()
    })
  }
  return {
    pid: child.pid ?? -1,
    get exitCode() {
      return child.exitCode
    },
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    write: text => void child.stdin.write(text),
    endInput: () => void child.stdin.end(),
    until: async <T>(probe: () => T | undefined, what: string, ms = PATIENCE): Promise<T> => {
      const answer = await watch.until<{ readonly found: T } | 'gone'>(
        () => {
          const found = probe()
          return found === undefined ? (isGone ? 'gone' : undefined) : { found }
        },
        () => `${what}: ${told()}`,
        ms,
      )
      if (answer === 'gone') throw new Error(`ended before ${what}: ${told()}`)
      return answer.found
    },
    exited: async ms => {
      await gone(ms)
      return child.exitCode ?? -1
    },
    kill: signal => void child.kill(signal),
    stop,
  }
}
