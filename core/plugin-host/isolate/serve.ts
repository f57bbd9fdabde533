/**
 * Runs inside a worker thread: loads one plugin, and calls it as the proxy asks.
 *
 *     import, init --load--> serving --unload, or the port closes--> unloaded
 *          \--not-load--> ended
 *
 * What arrives is queued before any of it runs, so that what has been withdrawn meanwhile does not run at all.
 */
import type { HookEvents } from '../../api/hooks.js'
import { ProxyError } from '../../base/errors.js'
import { describe, describeThrown, stackOf } from '../../base/thrown.js'
import { ask, tell } from '../../hooks/ask.js'
import { type AskHook, HOOK_IDS, type TellHook } from '../../hooks/hook-ids.js'
import { HookRegistry } from '../../hooks/registry.js'
import { PluginTurn, type Turn, type TurnObserver } from '../../wait/turn.js'
import { TurnEvent } from '../../wait/turn-event.js'
import { PluginInstance } from '../context.js'
import { importInit, runInit } from '../import-init.js'
import { Managed } from '../managed.js'
import { WorkerCalls } from './calls.js'
import { type Facts, recordIn } from './codec.js'
import { plainRevocation } from './from-worker.js'
import type { FromWorker, PlainQuestion, PlainTold, ToWorker, WorkerTask } from './messages.js'
import { NOTIFICATIONS } from './notifications.js'
import { QUESTIONS } from './questions.js'
import { TopicAnswers } from './serve-topic.js'
import { PeerListeners, workerServices } from './worker-services.js'
import { WorkerState } from './worker-state.js'

/** How long work goes on before the port is read again; milliseconds. */
const SLICE = 5

/** What is done at once, and what is queued. */
type Immediate = 'unload' | 'result' | 'managed-at'
type Queued = Exclude<ToWorker, { do: 'abort' | 'page' | Immediate }>

/** Ends when the plugin has been unloaded. */
export async function servePlugin(task: WorkerTask): Promise<void> {
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
  const calls = new WorkerCalls(send)
  const peers = new PeerListeners()
  const managed = new Managed(task.taken)
  let managedAt: string | undefined
  const instance = new PluginInstance(line, registry, {
    diags,
    revoke,
    servicesFor: () => workerServices(calls, peers, () => managedAt, send),
    managed,
  })
  port.on('message', (message: ToWorker) => {
    if (message.do === 'result') calls.take(message)
    else if (message.do === 'managed-at') managedAt = message.at
  })
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
  const serving = new Serving(registry, line.name, { calls, peers, managed }, send, log)
  await new Promise<void>(resolve => {
    port.once('close', resolve)
    port.on('message', (message: ToWorker) => {
      if (message.do === 'unload') resolve()
      else if (message.do !== 'result' && message.do !== 'managed-at') serving.take(message)
    })
    const hooks = HOOK_IDS.flatMap(id => registry.on(id).map(({ options }) => ({ id, options })))
    send({ did: 'load', hooks, topics: managed.topics })
  })
  serving.end()
  instance.unload()
  calls.end()
  port.close()
}

type Log = (level: 'debug' | 'error', message: string, tag?: string) => void

/** What of the proxy the plugin reaches, and what of the plugin the proxy reaches. */
interface Ends {
  readonly calls: WorkerCalls
  readonly peers: PeerListeners
  readonly managed: Managed
}

class Serving {
  readonly #registry: HookRegistry
  readonly #name: string
  readonly #calls: WorkerCalls
  readonly #peers: PeerListeners
  readonly #answers: TopicAnswers
  readonly #send: (message: FromWorker) => void
  readonly #log: Log
  readonly #observer: TurnObserver
  readonly #queue: Queued[] = []
  readonly #asked = new Map<number, Pick<PluginTurn<never>, 'stop'>>()
  readonly #state = new WorkerState()
  #isRunning = false

  constructor(
    registry: HookRegistry,
    name: string,
    { calls, peers, managed }: Ends,
    send: (message: FromWorker) => void,
    log: Log,
  ) {
    this.#registry = registry
    this.#name = name
    this.#calls = calls
    this.#peers = peers
    this.#answers = new TopicAnswers(managed)
    this.#send = send
    this.#log = log
    this.#observer = {
      ignoredReenable: (_, about, why) => send({ did: 'overdo', about, why }),
      pluginFailed: (_, about, cause) =>
        this.#error(`failed after it was asked about ${about}: ${describeThrown(cause)}`),
      gaveUp: (_, about) =>
        log('debug', `plugin ${name} gave up on ${about}: nothing waited for it any more`, 'plugin'),
    }
  }

  take(message: Exclude<ToWorker, { do: Immediate }>): void {
    if (message.do === 'abort') return this.#abort(message.seq)
    if (message.do === 'page') {
      const page = this.#answers.page(message)
      if (page !== undefined) this.#send(page)
      return
    }
    this.#queue.push(message)
    if (this.#isRunning) return
    this.#isRunning = true
    setImmediate(() => this.#run())
  }

  /** Answers are no longer wanted. Notifications that have arrived are still passed on. */
  end(): void {
    for (const message of this.#queue.splice(0)) {
      if (message.do === 'tell') this.#tell(message.told.hook, message.told)
      else if (message.do === 'peer') this.#peers.deliver(message.text)
    }
    for (const turn of this.#asked.values()) turn.stop()
    this.#asked.clear()
  }

  #run(): void {
    const began = performance.now()
    for (let message = this.#queue.shift(); message !== undefined; message = this.#queue.shift()) {
      if (message.do === 'ask') this.#ask(message.seq, message.question.hook, message.question)
      else if (message.do === 'tell') this.#tell(message.told.hook, message.told)
      else if (message.do === 'peer') this.#peers.deliver(message.text)
      else if (message.do === 'manage') void this.#answers.answer(message).then(this.#send)
      else if (message.do === 'forget') this.#state.forget(message.subject)
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
    this.#asked.get(seq)?.stop()
    this.#asked.delete(seq)
    this.#send({ did: 'withdraw', seq })
  }

  #ask<H extends AskHook>(seq: number, hook: H, question: PlainQuestion): void {
    const { about, vconn: plain, within, deadline, continuation, facts } = question
    const vconn = this.#state.vconnOf(plain, typeof within === 'number' ? undefined : within)
    const hooked = this.#registry.on(hook)[continuation]
    const effects: unknown[] = []
    const turn = new PluginTurn<HookEvents[H]>(
      {
        plugin: this.#name,
        deadline: undefined,
        ask: (event, { refuse }) => {
          if (hooked === undefined) refuse(new ProxyError('PTC_INTERNAL', 'there is no such continuation'))
          else ask<H>(hooked.continuation, event, refuse)
        },
      },
      { vconn, about, deadline, observer: this.#observer },
      its =>
        toEvent<H>(
          its,
          QUESTIONS[hook].toFacts(
            facts,
            recordIn(its, effects, (...args) => this.#calls.callIn(seq, ...args)),
            this.#state,
          ),
        ),
      end => {
        this.#asked.delete(seq)
        if (end.type === 'reenabled') this.#send({ did: 'answer', seq, about, verdict: end.verdict, effects })
        else if (end.type === 'plugin-failed')
          this.#send({ did: 'fail', seq, message: describe(end.cause), stack: stackOf(end.cause) })
      },
    )
    this.#asked.set(seq, turn)
    turn.start()
  }

  #tell<H extends TellHook>(hook: H, { facts }: PlainTold): void {
    const event: HookEvents[H] = NOTIFICATIONS[hook].toEvent(facts, this.#state)
    Object.freeze(event)
    tell<H>(this.#registry.on(hook), event, (_plugin, cause) =>
      this.#error(`failed on ${hook}: ${describeThrown(cause)}`),
    )
  }

  #error(message: string): void {
    this.#log('error', `[${this.#name}] ${message}`)
  }
}

/** What the plugin receives. Accessors among the facts stay accessors: reading some of them has a meaning. */
function toEvent<H extends AskHook>(turn: Turn, facts: Facts<H>): HookEvents[H] {
  const event = Object.defineProperties(new TurnEvent(turn), Object.getOwnPropertyDescriptors(facts))
  // The facts of a hook and the parts of a turn are its event; the types say so, but the compiler cannot conclude it.
  return Object.freeze(event) as unknown as HookEvents[H]
}
