/** Commands of `ctl` that a plugin answers in lines. */
import { type Command, command, usage } from './ctl-command.js'

const lines = (method: 'GET' | 'POST', path: string): Command =>
  command(
    send => send<{ lines: readonly string[] }>(method, path),
    answer => answer.lines,
  )

/** `policy explain HOST[:PORT]` */
export function policy([verb, host, ...more]: readonly string[]): Command {
  if (verb !== 'explain' || host === undefined || more.length > 0)
    throw usage('policy takes explain HOST[:PORT]')
  return lines('GET', `/v1/policy/explain?host=${encodeURIComponent(host)}`)
}

/** `learn report`, `learn write` */
export function learn([verb, ...more]: readonly string[]): Command {
  if ((verb !== 'report' && verb !== 'write') || more.length > 0) throw usage('learn takes report or write')
  return lines(verb === 'report' ? 'GET' : 'POST', `/v1/learning/${verb}`)
}
