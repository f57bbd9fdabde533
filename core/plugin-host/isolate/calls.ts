/**
 * Calls of a plugin in a worker that are done in the proxy: the worker sends plain data and waits for the result. The
 * names are a closed list; what the proxy is asked to do, it checks as if the plugin ran beside it.
 */
import { type ErrorCode, ProxyError } from '../../base/errors.js'
import { OpenCalls } from '../../base/open-calls.js'
import { describe } from '../../base/thrown.js'
import type { HostedServices, PluginServices } from '../services/services.js'
import type { CallName, FromWorker, ToWorker } from './messages.js'
import { fetchPlain } from './plain-fetch.js'

type Call = Extract<FromWorker, { did: 'call' }>
type Result = Extract<ToWorker, { do: 'result' }>

/** Calls that one worker may have open. */
const MAX_CALLS = 1000

/** In the worker: calls that wait for their result. */
export class WorkerCalls {
  readonly #send: (call: Call) => void
  readonly #open = new OpenCalls()

  constructor(send: (call: Call) => void) {
    this.#send = send
  }

  /** @throws {ProxyError} PTC_PLUGIN_CALL for what is not plain data, and the errors of the call */
  async call(name: CallName, ...args: readonly unknown[]): Promise<unknown> {
    return await this.#call(name, args)
  }

  /** The same, of one question. */
  async callIn(seq: number, ...args: readonly unknown[]): Promise<unknown> {
    return await this.#call('turn', args, seq)
  }

  async #call(name: CallName, args: readonly unknown[], seq?: number): Promise<unknown> {
    if (this.#open.size >= MAX_CALLS)
      throw new ProxyError('PTC_PLUGIN_CALL', `more than ${MAX_CALLS} calls wait for their results`)
    const plain = toPlain(args)
    const ofTurn = seq === undefined ? {} : { seq }
    return await this.#open.begin(id => this.#send({ did: 'call', id, name, args: plain, ...ofTurn }))
  }

  take({ id, value, error }: Result): void {
    this.#open.settle(id, value, error && new ProxyError(error.code, error.message))
  }

  /** The plugin has been unloaded. */
  end(): void {
    this.#open.end(new ProxyError('PTC_PLUGIN_CALL', 'the plugin has been unloaded'))
  }
}

function toPlain(args: readonly unknown[]): readonly unknown[] {
  try {
    return JSON.parse(JSON.stringify(args)) as unknown[]
  } catch (cause) {
    throw new ProxyError('PTC_PLUGIN_CALL', `what is passed cannot be written as JSON: ${describe(cause)}`)
  }
}

/** Does work for a question that is still open. */
type Serve = (args: readonly unknown[]) => Promise<unknown>

/** Tells the other instances of the plugin. The text may be anything. */
type Publish = (text: unknown) => Promise<void>

/** Sends results to a worker. */
interface CallLink {
  send(result: Result): void
  /** It does not keep to the protocol. */
  expel(): void
}

/** In the proxy: the services of one plugin, for its workers. */
export class HostedCalls {
  readonly #services: HostedServices
  readonly #error: (message: string) => void
  readonly #open = new WeakMap<CallLink, number>()

  /** @param error logs what cannot be returned to the caller */
  constructor(services: HostedServices, error: (message: string) => void) {
    this.#services = services
    this.#error = error
  }

  /**
   * @param serve what a question has done meanwhile, if the worker holds that question
   * @param publish of this worker
   */
  take(
    link: CallLink,
    message: Extract<FromWorker, { did: 'call' | 'metric' | 'measure' }>,
    serve: Serve | undefined,
    publish: Publish,
  ): void {
    if (message.did === 'call') return void this.#call(link, message, serve, publish)
    try {
      if (message.did === 'metric') this.#services.declare(message.spec)
      else this.#services.measure(message.measure)
    } catch (cause) {
      this.#error(describe(cause))
    }
  }

  async #call(link: CallLink, call: Call, serve: Serve | undefined, publish: Publish): Promise<void> {
    const open = this.#open.get(link) ?? 0
    if (open >= MAX_CALLS) return link.expel()
    this.#open.set(link, open + 1)
    const result = await perform(call, this.#services, serve, publish)
    this.#open.set(link, (this.#open.get(link) ?? 1) - 1)
    link.send(result)
  }
}

/** Does what was called. Never rejected. */
async function perform(
  call: Call,
  services: PluginServices,
  serve: Serve | undefined,
  publish: Publish,
): Promise<Result> {
  try {
    return { do: 'result', id: call.id, value: await called(call, services, serve, publish) }
  } catch (cause) {
    const code: ErrorCode = ProxyError.codeOf(cause) ?? 'PTC_INTERNAL'
    return { do: 'result', id: call.id, value: undefined, error: { code, message: describe(cause) } }
  }
}

/** Whatever the arguments are, the service checks them. */
function called(
  { name, args }: Call,
  { state, fetch }: PluginServices,
  serve: Serve | undefined,
  publish: Publish,
): Promise<unknown> {
  const [first, second, third] = args.map(arg => arg ?? undefined) as [never, never, never]
  switch (name) {
    case 'turn':
      if (serve === undefined) throw new ProxyError('PTC_PLUGIN_CALL', 'the turn is over')
      return serve(args)
    case 'fetch':
      return fetchPlain(fetch, first, second)
    case 'state.get':
      return state.get(first)
    case 'state.set':
      return state.set(first, args[1], third)
    case 'state.add':
      return state.add(first, args[1], third)
    case 'state.delete':
      return state.delete(first)
    case 'state.increment':
      return state.increment(first, second, third)
    case 'state.keys':
      return state.keys(first)
    case 'peers.send':
      return publish(first)
  }
}
