import type { Stats } from 'node:fs'
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { ownSchema } from '../files/own-schema.js'
import type { Kept } from './answers.js'
import type { Asked } from './question.js'

/** A line of the file. Times are ISO 8601, so that people can read and search it. */
export type Entry =
  | ({ readonly at: string; readonly did: 'asked' } & Asked)
  | ({ readonly at: string; readonly did: 'answered' } & Kept)
  | {
      readonly at: string
      readonly did: 'withdrew'
      /** The questions whose answers went. */
      readonly ids: readonly string[]
      readonly what: string
      readonly who: string
    }

export type Answering = Extract<Entry, { did: 'answered' }>
export type Withdrawal = Extract<Entry, { did: 'withdrew' }>

/** At the same moment, a rejection is before an acceptance. */
export const isBefore = (one: Answering, other: Answering): boolean =>
  one.at === other.at ? one.verdict === 'reject' && other.verdict === 'accept' : one.at < other.at

/** Tells an entry from all others. */
export const nameOf = (entry: Entry): string =>
  `${entry.at} ${entry.did} ${entry.did === 'withdrew' ? entry.ids.join() : entry.id}`

const TEXT = { type: 'string' } as const
const NUMBER = { type: 'number' } as const
/** A date of a certificate; null where it cannot be read. */
const DATE = { type: 'number', nullable: true } as const
const SUBJECT = {
  type: 'object',
  properties: { host: TEXT, port: NUMBER, leaf: TEXT, leafKey: TEXT, issuerKey: TEXT, builtIn: TEXT },
  required: ['host', 'port', 'leaf', 'leafKey', 'builtIn'],
} as const

const entries = ownSchema<Entry>({
  type: 'object',
  required: ['at', 'did'],
  oneOf: [
    {
      properties: {
        did: { const: 'asked' },
        id: TEXT,
        ...SUBJECT.properties,
        subject: TEXT,
        issuer: TEXT,
        notBefore: DATE,
        notAfter: DATE,
        since: NUMBER,
        client: TEXT,
        chain: { type: 'array', items: TEXT },
      },
      required: [
        'id',
        ...SUBJECT.required,
        'subject',
        'issuer',
        'notBefore',
        'notAfter',
        'since',
        'client',
        'chain',
      ],
    },
    {
      properties: {
        did: { const: 'answered' },
        id: TEXT,
        verdict: { enum: ['accept', 'reject'] },
        scope: { enum: ['leaf', 'issuer', 'host'] },
        until: NUMBER,
        who: TEXT,
        why: TEXT,
        subject: SUBJECT,
      },
      required: ['id', 'verdict', 'scope', 'who', 'subject'],
    },
    {
      properties: {
        did: { const: 'withdrew' },
        ids: { type: 'array', items: TEXT },
        what: TEXT,
        who: TEXT,
      },
      required: ['ids', 'what', 'who'],
    },
  ],
})

/** Whether a value is a line of the file. */
export const isEntry = (value: unknown): value is Entry => entries()(value)

/**
 * The file that everything is appended to: questions, answers, withdrawals. It is read at the start. Only its owner may
 * read it, because it says which client asked for what.
 */
export class Journal {
  readonly #file: FileHandle
  #last: Promise<void> = Promise.resolve()
  /** A write has failed, perhaps in the middle of its line: the next entry begins on a new one. */
  #isCut = false

  /** Names the file: the same in every process of a machine that has it open. */
  readonly identity: string

  private constructor(file: FileHandle, { dev, ino }: Stats) {
    this.#file = file
    this.identity = `${hostname()} ${dev} ${ino}`
  }

  /**
   * Opens the file, and makes it where there is none.
   * @throws {Error} with file and line for a line that cannot be read
   */
  static async open(
    path: string,
  ): Promise<{ readonly journal: Journal; readonly entries: readonly Entry[] }> {
    const file = await open(path, 'a', 0o600)
    try {
      const text = await readFile(path, 'utf8')
      const whole = text.slice(0, text.lastIndexOf('\n') + 1)
      // The end of a process, or of a disk's space, may have cut the last line short: it was never answered for.
      if (whole.length < text.length) await file.write('\n')
      const entries = whole.split('\n').flatMap((line, i) => readLine(line, `${path}:${i + 1}`))
      return { journal: new Journal(file, await file.stat()), entries }
    } catch (cause) {
      await file.close()
      throw cause
    }
  }

  /** Resolves when the entry is on the disk. Entries are written in the order of the calls. */
  append(entry: Entry): Promise<void> {
    const write = async (): Promise<void> => {
      const begin = this.#isCut ? '\n' : ''
      this.#isCut = true
      await this.#file.appendFile(`${begin}${JSON.stringify(entry)}\n`)
      this.#isCut = false
      await this.#file.datasync()
    }
    const written = this.#last.then(write)
    this.#last = written.catch(() => undefined)
    return written
  }

  async close(): Promise<void> {
    await this.#last
    await this.#file.close()
  }
}

function readLine(line: string, where: string): readonly Entry[] {
  if (line.trim() === '') return []
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    if (isTorn(line)) return []
    throw new Error(`${where}: no JSON; correct the line, or move the file away to begin anew`)
  }
  if (isEntry(value)) return [value]
  throw new Error(
    `${where}: not an entry of approval.js; correct the line, or move the file away to begin anew`,
  )
}

/** The beginning of an entry that was cut short, and ended with a line end at the next start. */
const isTorn = (line: string): boolean => line.startsWith('{"at":') && !line.endsWith('}')
