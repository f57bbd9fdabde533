import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import type { CommandLine } from '../programs/command-line.js'

/** What becomes of a question: the text of the reply, or why there is none. */
export type Answered = (reply: { readonly text: string } | { readonly lost: string }) => void

interface Asked {
  readonly answered: Answered
  readonly since: number
}

/** Bytes of a reply; a helper that sends more without an end is out of step. */
const MAX_REPLY = 1_048_576
/** Bytes of one line of the helper's stderr. */
const MAX_LINE = 1000
/** The end of a reply. */
const END = 0x01

/**
 * One process that speaks Squid's helper protocol. Replies may come in any order where channels have numbers. A helper
 * that sends what nothing has asked for is killed: its replies cannot be told apart any more.
 *
 * Life: starting -> running -> ended; `onEnd` is called once, after all questions have been answered as lost.
 */
export class Helper {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #hasChannels: boolean
  readonly #onEnd: (why: string) => void
  readonly #asked = new Map<number, Asked>()
  /** Parts of a reply that has not ended. */
  #parts: Buffer[] = []
  #size = 0
  #lastChannel = 0
  #isEnded = false

  constructor(
    { program, args }: CommandLine,
    cwd: string,
    hasChannels: boolean,
    debug: (line: string) => void,
    onEnd: (why: string) => void,
  ) {
    this.#hasChannels = hasChannels
    this.#onEnd = onEnd
    const child = spawn(program, args, { cwd, stdio: 'pipe' })
    this.#child = child
    child.on('error', cause => this.#end(cause.message))
    child.on('exit', (code, signal) =>
      this.#end(signal === null ? `it ended with status ${code}` : `${signal}`),
    )
    child.stdin.on('error', cause => this.#end(cause.message))
    child.stdout.on('error', cause => this.#end(cause.message))
    child.stdout.on('data', (data: Buffer) => this.#read(data))
    child.stderr.on('error', () => undefined)
    child.stderr.on('data', (data: Buffer) => debug(data.toString('utf8', 0, MAX_LINE).trimEnd()))
    // A helper keeps no process alive: without its plugin there is nothing to ask.
    child.unref()
    for (const stream of [child.stdin, child.stdout, child.stderr])
      (stream as unknown as { unref?(): void }).unref?.()
  }

  /** Resolves when the process runs. @throws what kept it from running */
  async started(): Promise<void> {
    if (this.#child.pid !== undefined) return
    await new Promise((resolve, reject) => {
      this.#child.once('spawn', resolve)
      this.#child.once('error', reject)
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Questions without a reply, also those that nothing waits for any more. */
  get load(): number {
    return this.#asked.size
  }

  /** When its oldest question was asked, by performance.now(); undefined if there is none. */
  get oldest(): number | undefined {
    for (const { since } of this.#asked.values()) return since
    return undefined
  }

  ask(request: string, answered: Answered): void {
    const channel = this.#hasChannels ? ++this.#lastChannel : 0
    this.#asked.set(channel, { answered, since: performance.now() })
    this.#child.stdin.write(this.#hasChannels ? `${channel} ${request}\n` : `${request}\n`)
  }

  /** Ends the process, for a reason that its questions are answered with. */
  kill(why: string): void {
    this.#end(why)
  }

  #read(data: Buffer): void {
    let rest = data
    for (let end = rest.indexOf(END); end >= 0 && !this.#isEnded; end = rest.indexOf(END)) {
      const reply = Buffer.concat([...this.#parts, rest.subarray(0, end)]).toString()
      this.#parts = []
      this.#size = 0
      rest = rest.subarray(end + 1)
      this.#deliver(reply)
    }
    if (this.#isEnded || rest.length === 0) return
    this.#parts.push(rest)
    this.#size += rest.length
    if (this.#size > MAX_REPLY) this.#end(`it sent ${this.#size} bytes without an end`)
  }

  #deliver(reply: string): void {
    const [, digits, text] = this.#hasChannels
      ? (/^\s*(\d{1,15})\s([\s\S]*)$/.exec(reply) ?? [])
      : ['', '0', reply]
    const channel = Number(digits)
    const asked = this.#asked.get(channel)
    if (asked === undefined || text === undefined) {
      this.#end(`it sent what nothing had asked for: ${JSON.stringify(reply.slice(0, 80))}`)
      return
    }
    this.#asked.delete(channel)
    asked.answered({ text })
  }

  #end(why: string): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#child.kill('SIGKILL')
    const asked = [...this.#asked.values()]
    this.#asked.clear()
    this.#parts = []
    for (const { answered } of asked) answered({ lost: why })
    this.#onEnd(why)
  }
}
