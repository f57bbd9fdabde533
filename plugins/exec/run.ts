import { spawn } from 'node:child_process'
import type { CommandLine } from '../programs/command-line.js'

export interface RunTerms {
  readonly command: CommandLine
  readonly cwd: string
  /** The part of the proxy's own environment that it gets; the rest may hold secrets. */
  readonly env: NodeJS.ProcessEnv
  /** Bytes of the program's output. */
  readonly maxOutput: number
  /** Milliseconds. */
  readonly timeout: number
}

/** Bytes of stderr that are kept. */
const MAX_ERRORS = 1000

/**
 * Runs a program once: `input` on its stdin, and its stdout if it ends with status 0. It and the programs that it has
 * started are killed when the time is over, when it prints too much, and when `signal` aborts.
 * @param warn gets what the program writes to stderr
 * @throws {Error} for every other end
 */
export function run(
  terms: RunTerms,
  input: string,
  signal: AbortSignal,
  warn: (text: string) => void,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const { command, cwd, env, maxOutput, timeout } = terms
    // A group of its own, so that the programs that it starts end with it.
    const child = spawn(command.program, command.args, { cwd, env, detached: true, stdio: 'pipe' })
    const output: Buffer[] = []
    let size = 0
    let errors = ''
    const stop = (why: string): void => {
      reject(new Error(why))
      killGroup(child.pid)
    }
    const timer = setTimeout(() => stop(`the program has not ended after ${timeout} ms`), timeout)
    const leave = (): void => stop('nothing waits for the answer any more')
    signal.addEventListener('abort', leave, { once: true })
    child.on('error', cause => stop(`the program cannot be started: ${cause.message}`))
    child.stdin.on('error', () => undefined) // it may answer without reading
    child.stdin.end(input)
    child.stdout.on('data', (data: Buffer) => {
      output.push(data)
      size += data.length
      if (size > maxOutput) stop(`the program has printed more than ${maxOutput} bytes`)
    })
    child.stderr.on('data', (data: Buffer) => {
      errors = (errors + data.toString()).slice(0, MAX_ERRORS)
    })
    child.on('close', (code, killed) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', leave)
      if (errors !== '') warn(errors.trimEnd())
      if (code === 0) resolve(Buffer.concat(output).toString())
      else
        reject(
          new Error(
            killed === null ? `the program ended with status ${code}` : `the program ended by ${killed}`,
          ),
        )
    })
    // What it has left behind could hold its stdout open. What has left its group ends with the time.
    child.on('exit', () => killGroup(child.pid))
  })
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The group has ended.
  }
}
