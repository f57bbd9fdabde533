/** `ctl server`: the commands of traffic_ctl for the proxy as a whole, with their progress. */
import type { Status } from '../admin/admin-api.js'
import { ProxyError } from '../base/errors.js'
import type { Send } from './ctl-client.js'
import { type Command, type CtlOptions, command, none, pick, usage } from './ctl-command.js'
import { duration } from './ctl-text.js'

type Make = (options: CtlOptions) => Command

const SERVER: Readonly<Record<string, Make>> = {
  drain: ({ undo = false }) => draining(undo),
  restart: () => restarting(),
  status: () => command(statusOf, status => [`Proxy -- ${stateOf(status)}`, leftText(status)]),
  stop: () => stopping(),
}

/** `server drain|restart|status|stop` */
export function server([verb = '', ...args]: readonly string[], options: CtlOptions): Command {
  const make = pick('server', SERVER, verb)
  none(`server ${verb}`, args)
  if (options.undo === true && verb !== 'drain')
    throw usage('--undo belongs to `portcullis ctl server drain`')
  if (options.drain === true && verb !== 'restart' && verb !== 'stop')
    throw usage('--drain belongs to `portcullis ctl server restart` and `stop`')
  return make(options)
}

/** `stop`, `server stop` */
export function stopping(): Command {
  const begin = async (send: Send) => ({ ...(await send<{ grace: number }>('POST', '/v1/stop')), left: -1 })
  const look = async (send: Send) => ({ grace: 0, left: (await statusOf(send)).counters.clientConnections })
  const gone = (cause: unknown): { grace: number; left: 0 | undefined } => {
    const code = ProxyError.codeOf(cause)
    // A proxy that has ended has no socket any more, and one that ends cuts the answer.
    if (code === 'PTC_ADMIN_UNREACHABLE') return { grace: 0, left: undefined }
    // The supervising process ends after the others.
    if (code === 'PTC_PROCESS_GONE') return { grace: 0, left: 0 }
    throw cause
  }
  return command(
    onceThen(begin, send => look(send).catch(gone)),
    ({ grace, left }) => {
      if (left === undefined) return ['the proxy has ended']
      return left === -1
        ? [`it ends when its requests have ended, in ${duration(grace)} at most`]
        : [connections(left)]
    },
    ({ left }) => left === undefined,
  )
}

interface Drain {
  readonly isDraining: boolean
  readonly connections: number
}

function draining(undo: boolean): Command {
  const look = async (send: Send): Promise<Drain> => {
    const { isDraining, counters } = await statusOf(send)
    return { isDraining, connections: counters.clientConnections }
  }
  return command(
    onceThen(send => send<Drain>('POST', '/v1/drain', { undo }), look),
    drain => [
      drain.isDraining ? `draining: ${connections(drain.connections)}` : 'not draining: connections are kept',
    ],
    drain => !drain.isDraining || drain.connections === 0,
  )
}

function restarting(): Command {
  let before: readonly number[] = []
  let processes = 0
  const begin = async (send: Send) => {
    before = pidsOf(await statusOf(send))
    processes = (await send<{ processes: number }>('POST', '/v1/restart')).processes
    return { processes, replaced: 0 }
  }
  const look = async (send: Send) => {
    const now = pidsOf(await statusOf(send))
    const fresh = now.filter(pid => !before.includes(pid))
    return { processes, replaced: fresh.length }
  }
  return command(
    onceThen(begin, look),
    ({ processes, replaced }) => [`restarting: ${replaced} of ${processes} processes are replaced`],
    ({ processes, replaced }) => replaced === processes,
  )
}

/** With `--watch` a command is run again and again: what it changes is changed once. */
function onceThen<T, U>(
  first: (send: Send) => Promise<T>,
  later: (send: Send) => Promise<U>,
): (send: Send) => Promise<T | U> {
  let isFirst = true
  return send => {
    const run = isFirst ? first : later
    isFirst = false
    return run(send)
  }
}

const statusOf = (send: Send): Promise<Status> => send('GET', '/v1/status')

const pidsOf = ({ processes }: Status): readonly number[] => processes.map(({ pid }) => pid)

const stateOf = ({ isStopping, isDraining }: Status): string => {
  if (isStopping) return 'stopping'
  return isDraining ? 'draining' : 'on'
}

const connections = (count: number): string => `${count} client connection${count === 1 ? '' : 's'} left`

const leftText = ({ counters }: Status): string => `Client connections: ${counters.clientConnections}`
