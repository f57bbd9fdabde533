/** Proxies of a fleet tell one another which handshakes wait for a question, so that each shows its people all of them. */
import { createHash, randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { LRUCache } from 'lru-cache'
import { ownSchema } from '../files/own-schema.js'
import type { Elsewhere } from './elsewhere.js'
import { keyOf, type Question } from './question.js'

/** Milliseconds between two messages, at least. */
const PAUSE = 1000
/** Characters that are told in a second on average: a Redis keeps each message for a day. */
const CHARACTERS_PER_SECOND = 1000
/** Questions in one message, the clients of each that are named, and the length of a name. */
const MAX_ROWS = 100
const MAX_CLIENTS = 5
const MAX_NAME = 100
/** Milliseconds for which a row of another instance counts at most, by this machine's clock: one that has ended tells no end. */
const MAX_WAIT = 86_400_000
/** Rows of other instances that are remembered for all questions; the oldest ones make room. */
const MAX_REMEMBERED = 20_000

/** What one instance tells. */
export interface WaitsTold {
  readonly waits: {
    /** Names the instance. */
    readonly from: string
    /** The file of its answers: instances that have the same are one proxy. */
    readonly file: string
    readonly machine: string
    readonly rows: readonly WaitsRow[]
  }
}

interface WaitsRow {
  /** Of the question there. */
  readonly id: string
  readonly key: string
  readonly waiting: number
  readonly clients: readonly string[]
  /** Milliseconds since the epoch. */
  readonly waitsUntil: number
}

const TEXT = { type: 'string', maxLength: 1000 } as const
const NAME = { type: 'string', maxLength: 255 } as const
const ROW = {
  type: 'object',
  properties: {
    id: NAME,
    key: TEXT,
    waiting: { type: 'integer', minimum: 0 },
    clients: { type: 'array', items: NAME, maxItems: MAX_CLIENTS },
    waitsUntil: { type: 'number' },
  },
  required: ['id', 'key', 'waiting', 'clients', 'waitsUntil'],
} as const

const waitsTold = ownSchema<WaitsTold>({
  type: 'object',
  properties: {
    waits: {
      type: 'object',
      properties: {
        ...{ from: NAME, file: TEXT, machine: NAME },
        rows: { type: 'array', items: ROW, maxItems: MAX_ROWS },
      },
      required: ['from', 'file', 'machine', 'rows'],
    },
  },
  required: ['waits'],
})

export const isWaitsTold = (value: unknown): value is WaitsTold => waitsTold()(value)

export class Waits {
  readonly #file: string
  readonly #tell: (message: WaitsTold) => void
  readonly #from = randomBytes(9).toString('base64url')
  /** Questions of which the others know something else. */
  readonly #changed = new Set<Question>()
  #timer: NodeJS.Timeout | undefined
  #pause = PAUSE
  /** Where rows are remembered, by instance and question. By size: a number of entries would take its memory at once. */
  readonly #rows = new LRUCache<string, { readonly elsewhere: Elsewhere; readonly from: string }>({
    maxSize: MAX_REMEMBERED,
    sizeCalculation: () => 1,
    dispose: ({ elsewhere, from }) => elsewhere.forget(from),
  })

  /** @param file names the file of answers */
  constructor(file: string, tell: (message: WaitsTold) => void) {
    this.#file = file
    this.#tell = tell
  }

  /** Other handshakes wait for it than before. */
  readonly changed = (question: Question): void => {
    this.#changed.add(question)
    this.#timer ??= setTimeout(this.#send, this.#pause).unref()
  }

  /** Takes what another instance tells. @param find the question that is open here under a key */
  take(
    { waits: { from, file, machine, rows } }: WaitsTold,
    find: (key: string) => Question | undefined,
  ): void {
    // Those of this proxy are asked themselves.
    if (file === this.#file) return
    const proxy = createHash('sha256').update(file).digest('hex').slice(0, 8)
    for (const { id, key, waiting, clients, waitsUntil } of rows) {
      const question = find(key)
      if (question === undefined) continue
      const { elsewhere } = question
      elsewhere.addId(id)
      // First: the row that it replaces is forgotten.
      if (waiting > 0) this.#rows.set(`${from} ${key}`, { elsewhere, from })
      else this.#rows.delete(`${from} ${key}`)
      const end = Math.min(waitsUntil, Date.now() + MAX_WAIT)
      elsewhere.take({ from, machine, proxy, waiting, clients, waitsUntil: end })
    }
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  readonly #send = (): void => {
    const questions = [...this.#changed].slice(0, MAX_ROWS)
    for (const question of questions) this.#changed.delete(question)
    const message = {
      waits: { from: this.#from, file: this.#file, machine: hostname(), rows: questions.map(rowOf) },
    }
    this.#pause = Math.max(PAUSE, (JSON.stringify(message).length / CHARACTERS_PER_SECOND) * 1000)
    this.#timer = this.#changed.size === 0 ? undefined : setTimeout(this.#send, this.#pause).unref()
    this.#tell(message)
  }
}

function rowOf(question: Question): WaitsRow {
  const { waiting, clients, waitsUntil } = question.waitsHere
  return {
    id: question.asked.id,
    key: keyOf(question.asked),
    waiting,
    clients: clients.slice(-MAX_CLIENTS).map(name => name.slice(0, MAX_NAME)),
    waitsUntil: waiting === 0 ? 0 : waitsUntil,
  }
}
