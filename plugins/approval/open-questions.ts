import { type Asked, Question } from './question.js'

/** Open questions at most, and those of them that one client has opened. */
const MAX_OPEN = 2000
const MAX_OPEN_BY_CLIENT = 200
/** The same in characters: an origin chooses how long its chain is. */
const MAX_CHARACTERS = 16_777_216
const MAX_CHARACTERS_BY_CLIENT = 1_677_721
/** A question that was not asked for so long gives way to others; milliseconds. It bounds how fast the file grows. */
const MIN_IDLE = 3_600_000

/** The questions that have no answer yet, by their keys. Their number and their size are bounded. */
export class OpenQuestions {
  readonly #byKey = new Map<string, Question>()
  readonly #onChange: (question: Question) => void

  /** @param onChange called when other handshakes wait for a question than before */
  constructor(onChange: (question: Question) => void) {
    this.#onChange = onChange
  }

  /** In the order in which they were opened. */
  get all(): readonly Question[] {
    return [...this.#byKey.values()]
  }

  get(key: string): Question | undefined {
    return this.#byKey.get(key)
  }

  withId(id: string): Question | undefined {
    return this.all.find(question => question.hasId(id))
  }

  delete(key: string): void {
    this.#byKey.delete(key)
  }

  /**
   * Opens a question; those that were asked longest ago make room for it.
   * @param at when it was written down, ISO 8601
   * @returns undefined where a handshake waits for each of them, or all were asked within {@link MIN_IDLE}
   */
  open(key: string, asked: Asked, at: string): Question | undefined {
    if (!this.#makeRoom(asked)) return undefined
    const question = new Question(asked, at, this.#onChange)
    this.#byKey.set(key, question)
    return question
  }

  /** @returns whether there is room */
  #makeRoom(asked: Asked): boolean {
    const size = sizeOf(asked)
    for (;;) {
      const all = [...this.#byKey]
      const own = all.filter(([, question]) => question.asked.client === asked.client)
      const crowd = isFull(own, size, MAX_OPEN_BY_CLIENT, MAX_CHARACTERS_BY_CLIENT)
        ? own
        : isFull(all, size, MAX_OPEN, MAX_CHARACTERS) && all
      if (crowd === false) return true
      const before = Date.now() - MIN_IDLE
      const idle = crowd.filter(([, question]) => question.isIdle && question.last < before)
      const [oldest] = idle.sort(([, one], [, other]) => one.last - other.last)
      if (oldest === undefined) return false
      this.#byKey.delete(oldest[0])
    }
  }
}

const sizeOf = ({ chain, subject, issuer }: Asked): number =>
  chain.reduce((sum, pem) => sum + pem.length, subject.length + issuer.length)

const isFull = (
  questions: readonly (readonly [string, Question])[],
  size: number,
  max: number,
  characters: number,
): boolean =>
  questions.length >= max || questions.reduce((sum, [, { asked }]) => sum + sizeOf(asked), size) > characters
