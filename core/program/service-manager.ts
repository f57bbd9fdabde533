/**
 * Messages to systemd about a service of `Type=notify`: that it serves, that it stops, and that its event loop turns (the
 * watchdog). systemd listens on a unix datagram socket, which Node has not; its own program `systemd-notify` sends there.
 */
import { execFile } from 'node:child_process'
import { describe } from '../base/thrown.js'
import { every } from '../base/timer.js'

const PROGRAM = 'systemd-notify'
/** Milliseconds that one notification may take. */
const TIMEOUT = 10_000

export interface ServiceManager {
  /** Ports are open and plugins initialised. The watchdog is fed from now on. */
  ready(): void
  stopping(): void
}

const NONE: ServiceManager = { ready: () => undefined, stopping: () => undefined }

/**
 * The manager that has started this process.
 * @param env loses the variables of systemd's protocol: programs that plugins start must not speak for the service
 * @param warn called with the first failure
 */
export function serviceManager(
  env: NodeJS.ProcessEnv,
  pid: number,
  warn: (message: string) => void,
): ServiceManager {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: period, WATCHDOG_PID: watched } = env
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name]
  if (socket === undefined || socket === '') return NONE
  let hasFailed = false
  const fail = (why: string): void => {
    if (!hasFailed) warn(`systemd is not told that the service runs: ${PROGRAM}: ${why}`)
    hasFailed = true
  }
  const send = (...words: readonly string[]): void => {
    const options = { env: { ...env, NOTIFY_SOCKET: socket }, timeout: TIMEOUT }
    execFile(PROGRAM, words, options, cause => cause !== null && fail(describe(cause).trim()))
  }
  const interval = watched === undefined || watched === `${pid}` ? watchdogInterval(period) : undefined
  return {
    ready: () => {
      send('--ready', '--status=serving')
      if (interval === undefined) return
      every(
        interval,
        () => send('WATCHDOG=1'),
        why => fail(describe(why)),
      ).unref()
    },
    stopping: () => send('STOPPING=1', '--status=ending requests'),
  }
}

/** Twice in each period, in milliseconds; undefined without a watchdog. @param period in microseconds */
export function watchdogInterval(period: string | undefined): number | undefined {
  const ms = Number(period) / 2000
  return ms >= 1 ? Math.floor(ms) : undefined
}
