import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What came of one file of tests. */
export interface FileResult {
  /** `dist/test/core/main.test.js` */
  readonly file: string
  /** What it has written, as TAP. */
  readonly tap: string
  readonly stderr: string
  /** Assertions. */
  readonly passed: number
  readonly failed: number
  /** Why it failed as a whole: a signal, a status, no end; undefined where only assertions tell. */
  readonly trouble: string | undefined
  readonly milliseconds: number
}

/** Milliseconds that a file may take. It ends itself then, with what it has found; the runner ends it a tenth later. */
const LIMIT = 300_000
const INSIST = 1.1

const running = new Set<number>()

/** Ends what still runs, with all processes that it has started. */
export function endRunning(): void {
  for (const pid of running) endGroup(pid)
}

/**
 * Runs one file of tests in a process of its own, without the loaders of tap's runner: those follow every module and every
 * child for the coverage, and take as long as the tests.
 * @param dir a folder for its output. It goes into files: a process that outlives the test holds no pipe open.
 */
export async function runFile(file: string, dir: string, limit = LIMIT): Promise<FileResult> {
  const begun = performance.now()
  const names = ['out', 'err'].map(name => join(dir, `${file.replaceAll('/', '-')}.${name}`))
  const [out = -1, err = -1] = names.map(name => openSync(name, 'w'))
  const child = spawn(process.execPath, [file], {
    stdio: ['ignore', out, err],
    env: { ...process.env, TAP: '1', TAP_TIMEOUT: String(limit / 1000) },
    detached: true, // a group of its own, so that all of it can be ended
  })
  const pid = child.pid ?? -1
  running.add(pid)
  const timer = setTimeout(() => endGroup(pid), limit * INSIST)
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  clearTimeout(timer)
  running.delete(pid)
  closeSync(out)
  closeSync(err)
  const [tap = '', stderr = ''] = names.map(name => readFileSync(name, 'utf8'))
  return { file, tap, stderr, ...judge(tap, code, signal), milliseconds: performance.now() - begun }
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}

/** The last lines of tap's root test count; without them the file has not come to its end. */
function judge(
  tap: string,
  code: number | null,
  signal: string | null,
): Pick<FileResult, 'passed' | 'failed' | 'trouble'> {
  const total = /^# \{ total: \d+(?:, pass: (\d+))?(?:, fail: (\d+))?.*\}$/m.exec(tap)
  const passed = Number(total?.[1] ?? 0)
  const failed = Number(total?.[2] ?? 0)
  if (signal !== null) return { passed, failed, trouble: `ended by ${signal}` }
  if (total === null) return { passed, failed, trouble: `status ${code}, and no end of its TAP` }
  if (code !== 0 && failed === 0) return { passed, failed, trouble: `status ${code}` }
  return { passed, failed, trouble: undefined }
}
