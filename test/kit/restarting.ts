/** A record that a reload leaves as it is and a restart changes, and the behaviour that shows it. */
import type { Test } from 'tap'
import { ProxyError } from '../../core/base/errors.js'
import { type Send, sendTo } from '../../core/cli/ctl-client.js'
import type { RecordRow } from '../../core/config/record-row.js'
import { RECORDS, type RecordName, type Records } from '../../core/config/records-table.js'
import { machineHere } from './machine.js'
import { confOf, managed, managedHere } from './managed.js'
import type { ProxyConf, RunningProxy } from './proxy.js'
import type { Reloadable } from './reloading.js'

/** Records whose rows say that they need a restart. */
export type Restarted = Exclude<RecordName, Reloadable>
/** Of these, records with one value alone, which exist so that a file of Traffic Server loads. */
export type Fixed = {
  [N in Restarted]: (typeof RECORDS)[N] extends { readonly refused: string } ? N : never
}[Restarted]

const ROWS = Object.entries<RecordRow>(RECORDS).filter(([, { reload }]) => reload === false)
export const FIXED = ROWS.filter(([, { refused }]) => refused !== undefined).map(([name]) => name as Fixed)

export interface RestartStage {
  readonly proxy: RunningProxy
  /** Asks the management API on its socket. */
  readonly send: Send
  /** What was made before this proxy started. */
  readonly made: unknown
}

export interface RestartCase<N extends RecordName = RecordName> {
  readonly from: Records[N] | ((made: never) => Records[N])
  readonly to: Records[N] | ((made: never) => Records[N])
  readonly plugins?: readonly string[]
  /** The configuration around it. */
  readonly conf?: ProxyConf | ((made: never) => ProxyConf)
  /** Made before each of the two starts, handed to `conf` and on the stage as `made`. */
  readonly make?: (t: Test) => Promise<unknown>
  /** It needs the program as a process of its own, or several. */
  readonly isProgram?: true
  /** How the proxy behaves. */
  readonly probe: (stage: RestartStage) => Promise<unknown>
  /** After the reload, and after the restart. */
  readonly expect: readonly [before: unknown, after: unknown]
}

export type RestartCases<N extends RecordName> = { readonly [K in N]: RestartCase<K> }

/** @returns the behaviour of a proxy that has reloaded the new value, and of one that was started with it */
export async function restartOf(
  t: Test,
  name: RecordName,
  one: RestartCase,
): Promise<readonly [unknown, unknown]> {
  const plugins = one.plugins ?? []
  const begin = async (value: unknown) => {
    const made = await one.make?.(t)
    const given = (of: unknown): unknown => (typeof of === 'function' ? of(made) : of)
    const around = given(one.conf) as ProxyConf | undefined
    const confWith = (other: unknown): ProxyConf => ({
      ...around,
      records: { ...around?.records, [name]: given(other) },
    })
    const conf = confWith(value)
    const { proxy, socket } = one.isProgram
      ? await managed(t, plugins, undefined, conf)
      : await machineHere(t, plugins, conf)
    const change = (to: unknown): void => proxy.conf.write(confOf(plugins, confWith(to)))
    return { change, stage: { proxy, made, send: sendTo(socket) } }
  }
  const first = await begin(one.from)
  first.change(one.to)
  const { needRestart } = await first.stage.send<{ needRestart: readonly string[] }>('POST', '/v1/reload')
  t.match(needRestart.join(), name, `a reload names ${name}`)
  const before = await one.probe(first.stage)
  await first.stage.proxy.stop()
  const second = await begin(one.to)
  const after = await one.probe(second.stage)
  await second.stage.proxy.stop()
  return [before, after]
}

/** @returns the code of the error with which a reload, and a start, refuse the value 1 */
export async function refusalOf(t: Test, name: Fixed): Promise<readonly [unknown, unknown]> {
  const { proxy, socket } = await managedHere(t, [], undefined, { records: { [name]: 0 } })
  const wrong = { recordLines: [`CONFIG ${name} INT 1`] }
  proxy.conf.write(confOf([], wrong))
  const codeOf = (cause: unknown) => ProxyError.codeOf(cause)
  const reloaded = await sendTo(socket)('POST', '/v1/reload').then(() => 'taken', codeOf)
  const started = await managedHere(t, [], undefined, wrong).then(() => 'taken', codeOf)
  await proxy.stop()
  return [reloaded, started]
}
