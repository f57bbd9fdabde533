import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GROUP_FILES, partsOf } from './group-end.js'

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
/** A process of several files may take so many times as long. */
const SEVERAL = 2

/** Run one file, and several. */
const ALONE = fileURLToPath(new URL('alone.js', import.meta.url))
const GROUP = fileURLToPath(new URL('group.js', import.meta.url))

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
  const { tap, stderr, code, signal, milliseconds } = await runProcess(ALONE, file, dir, limit)
  return { file, tap, stderr, ...judge(tap, code, signal), milliseconds }
}

/**
 * Runs several files in one process. Where the process ends before the last file has, the file in which it ended has failed,
 * and each of those behind it runs in a process of its own.
 */
export async function runGroup(
  files: readonly string[],
  dir: string,
  limit = LIMIT,
): Promise<readonly FileResult[]> {
  const [first, ...others] = files
  if (first === undefined) return []
  if (others.length === 0) return [await runFile(first, dir, limit)]
  const { tap, stderr, code, signal } = await runProcess(GROUP, first, dir, limit * SEVERAL, {
    [GROUP_FILES]: files.join('\n'),
  })
  const { trouble, failed } = judge(tap, code, signal)
  const ended = partsOf(tap).map(({ total, ...part }) => ({
    ...{ ...part, stderr: part.failed > 0 ? stderr : '' },
    trouble: total === 0 ? 'no tests' : undefined,
  }))
  const [broken, ...left] = files.slice(ended.length)
  if (broken !== undefined) {
    const rest = tap.slice(tap.lastIndexOf('\n# file ended ') + 1)
    const why = `${trouble ?? 'no end'}, in one process with ${files.join(' ')}`
    ended.push({ file: broken, tap: rest, stderr, passed: 0, failed, trouble: why, milliseconds: limit })
    for (const file of left) ended.push(await runFile(file, dir, limit))
    return ended
  }
  // All have ended, and then the process did not end well: any of them may be the cause.
  const isForeseen = trouble === undefined && failed === ended.reduce((sum, part) => sum + part.failed, 0)
  return isForeseen
    ? ended
    : ended.map(it => ({
        ...it,
        stderr,
        trouble: `${trouble ?? 'failed after its end'}, in one process with ${files.join(' ')}`,
      }))
}

interface Ended {
  readonly tap: string
  readonly stderr: string
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly milliseconds: number
}

async function runProcess(
  program: string,
  file: string,
  dir: string,
  limit: number,
  env: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const begun = performance.now()
  const name = file.replaceAll('/', '-')
  const names = ['out', 'err'].map(end => join(dir, `${name}.${end}`))
  const [out = -1, err = -1] = names.map(name => openSync(name, 'w'))
  const child = spawn(process.execPath, [program, file], {
    stdio: ['ignore', out, err],
    env: { ...process.env, TAP: '1', TAP_TIMEOUT: String(limit / 1000), ...env },
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
  return { tap, stderr, code, signal, milliseconds: performance.now() - begun }
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
