/**
 * Runs inside a worker thread: loads one plugin, and calls it as the proxy asks.
 *
 *     import, init --load--> serving --unload, or the port closes--> unloaded
 *          \--not-load--> ended
 *
 * What arrives is queued before any of it runs, so that what has been withdrawn meanwhile does not run at all.
 */
import type { HookEvents } from '../../api/hooks.js'
import type { Verdict } from '../../api/verdict.js'
import { ProxyError } from '../../base/errors.js'
import { describe, describeThrown, stackOf } from '../../base/thrown.js'
import { ask, tell } from '../../hooks/ask.js'
import { HOOK_IDS } from '../../hooks/hook-ids.js'
import { HookRegistry } from '../../hooks/registry.js'
import { PluginInstance, type PluginTimers } from '../context.js'
import { importInit } from '../import-init.js'
import { runInit } from '../run-init.js'
import { plainRevocation } from './from-worker.js'
import type { AskHook, TellHook } from './hook-events.js'
import type { FromWorker, PlainQuestion, PlainTold, ToWorker, WorkerTask } from './messages.js'
import { NOTIFICATIONS } from './notifications.js'
import { QUESTIONS } from './questions.js'
import { WorkerState } from './worker-state.js'
import { type AnswerRight, WorkerTurn } from './worker-turn.js'

/** What lies beside plugin-host. */
export interface WorkerTools {
  readonly createTimers: (onError: (cause: unknown) => void) => PluginTimers
  readonly createRight: (
    deliver: (verdict: Verdict) => void,
    onIgnored: (why: 'second' | 'late') => void,
  ) => AnswerRight
}

/** How long work goes on before the port is read again; milliseconds. */
const SLICE = 5

type Queued = Exclude<ToWorker, { do: 'abort' | 'unload' }>

/** Ends when the plugin has been unloaded. */
export async function servePlugin(task: WorkerTask, tools: WorkerTools): Promise<void> {
  const { port, path, line } = task
  const send = (message: FromWorker): void => port.postMessage(message)
  const registry = new HookRegistry()
  const log = (level: 'debug' | 'note' | 'error', message: string, tag = ''): void =>
    send({ did: 'log', level, message, tag })
  const diags = {
    debug: (tag: string, message: string) => log('debug', message, tag),
    note: (message: string) => log('note', message),
    error: (message: string) => log('error', message),
  }
  const revoke = (what: unknown): void => send({ did: 'revoke', what: plainRevocation(what) })
  const instance = new PluginInstance(line, registry, { diags, createTimers: tools.createTimers, revoke })
  try {
    const init = await importInit(path, line)
    await runInit(init, instance.context, line)
  } catch (cause) {
    const code = ProxyError.codeOf(cause) ?? 'PTC_PLUGIN_INIT_FAILED'
    send({ did: 'not-load', code, message: describe(cause) })
    instance.unload()
    port.close()
    return
  }
  instance.endInit()
  registry.seal()
  const error = (message: string): void => log('error', `[${line.name}] ${message}`)
  const gaveUp = (about: string): void =>
    log('debug', `plugin ${line.name} gave up on ${about}: nothing waited for it any more`, 'plugin')
  const serving = new Serving(registry, tools, send, error, gaveUp)
  await new Promise<void>(resolve => {
    port.once('close', resolve)
    port.on('message', (message: ToWorker) => (message.do === 'unload' ? resolve() : serving.take(message)))
    const hooks = HOOK_IDS.flatMap(id => registry.on(id).map(({ options }) => ({ id, options })))
    send({ did: 'load', hooks })
  })
  serving.end()
  instance.unload()
  port.close()
}

class Serving {
  readonly #registry: HookRegistry
  readonly #tools: WorkerTools
  readonly #send: (message: FromWorker) => void
  readonly #error: (message: string) => void
  /** Hears what it was about when the plugin gave up on what nothing waits for any more. */
  readonly #gaveUp: (about: string) => void
  readonly #queue: Queued[] = []
  readonly #asked = new Map<number, WorkerTurn>()
  readonly #kept = new WorkerState()
  #isRunning = false

  constructor(
    registry: HookRegistry,
    tools: WorkerTools,
    send: (message: FromWorker) => void,
    error: (message: string) => void,
    gaveUp: (about: string) => void,
  ) {
    this.#registry = registry
    this.#tools = tools
    this.#send = send
    this.#error = error
    this.#gaveUp = gaveUp
  }

  take(message: Exclude<ToWorker, { do: 'unload' }>): void {
    if (message.do === 'abort') return this.#abort(message.seq)
    this.#queue.push(message)
    if (this.#isRunning) return
    this.#isRunning = true
    setImmediate(() => this.#run())
  }

  /** Nobody waits for answers any more; what it was told before, it still hears. */
  end(): void {
    for (const message of this.#queue.splice(0))
      if (message.do === 'tell') this.#tell(message.told.hook, message.told)
    for (const turn of this.#asked.values()) turn.finish(false)
    this.#asked.clear()
  }

  #run(): void {
    const began = performance.now()
    for (let message = this.#queue.shift(); message !== undefined; message = this.#queue.shift()) {
      if (message.do === 'ask') this.#ask(message.seq, message.question.hook, message.question)
      else if (message.do === 'tell') this.#tell(message.told.hook, message.told)
      else if (message.do === 'forget') this.#kept.forget(message.subject)
      if (message.do !== 'forget') this.#send({ did: 'return', seq: message.seq })
      // After a while, hear first what has been withdrawn.
      if (performance.now() - began > SLICE) break
    }
    this.#isRunning = this.#queue.length > 0
    if (this.#isRunning) setImmediate(() => this.#run())
  }

  #abort(seq: number): void {
    const queued = this.#queue.findIndex(message => message.do !== 'forget' && message.seq === seq)
    if (queued !== -1) {
      this.#queue.splice(queued, 1)
      this.#send({ did: 'return', seq })
    }
    this.#asked.get(seq)?.finish(false)
    this.#asked.delete(seq)
    this.#send({ did: 'withdraw', seq })
  }

  #ask<H extends AskHook>(seq: number, hook: H, question: PlainQuestion): void {
    const { about, vconn, within, deadline, continuation, facts } = question
    const right = this.#tools.createRight(
      verdict => {
        const { effects } = turn
        this.#end(seq, true)
        this.#send({ did: 'answer', seq, about, verdict, effects })
      },
      why => this.#send({ did: 'overdo', about, why }),
    )
    const refuse = (cause: unknown): void => {
      if (turn.isAbortOf(cause)) return this.#gaveUp(about)
      if (!right.isOpen)
        return this.#error(`failed after it was asked about ${about}: ${describeThrown(cause)}`)
      this.#end(seq, true)
      this.#send({ did: 'fail', seq, message: describe(cause), stack: stackOf(cause) })
    }
    const turn = new WorkerTurn(right, refuse, this.#tools.createTimers)
    this.#asked.set(seq, turn)
    const hooked = this.#registry.on(hook)[continuation]
    if (hooked === undefined) return refuse(new ProxyError('PTC_INTERNAL', 'there is no such continuation'))
    const known = QUESTIONS[hook].toFacts(facts, turn, this.#kept)
    ask<H>(
      hooked.continuation,
      turn.eventOf<H>(
        known,
        this.#kept.vconnOf(vconn, typeof within === 'number' ? undefined : within),
        deadline,
      ),
      refuse,
    )
  }

  #end(seq: number, isWanted: boolean): void {
    this.#asked.get(seq)?.finish(isWanted)
    this.#asked.delete(seq)
  }

  #tell<H extends TellHook>(hook: H, { facts }: PlainTold): void {
    const event: HookEvents[H] = NOTIFICATIONS[hook].toEvent(facts, this.#kept)
    Object.freeze(event)
    tell<H>(this.#registry.on(hook), event, (_plugin, cause) =>
      this.#error(`failed on ${hook}: ${describeThrown(cause)}`),
    )
  }
}
