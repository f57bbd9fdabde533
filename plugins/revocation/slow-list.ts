/** Milliseconds after which a list that is still coming is mentioned, and between two such lines. */
const TELL_EVERY = 5000
const MB = 1_000_000

export interface Telling {
  readonly schedule: (fn: () => void, ms: number) => void
  readonly note: (message: string) => void
  /** How long it may take; milliseconds. */
  readonly most: number
}

/** Says of a list that takes long that it is being fetched, and at the end what has come. */
export async function tellWhile<T extends { readonly bytes: Buffer }>(
  url: string,
  work: Promise<T>,
  { schedule, note, most }: Telling,
): Promise<T> {
  const begin = performance.now()
  const seconds = (): number => Math.round((performance.now() - begin) / 1000)
  let isTold = false
  let isOver = false
  const tell = (): void => {
    if (isOver) return
    isTold = true
    note(`the list ${url} is being fetched: for ${seconds()} s so far, ${most / 1000} s at most`)
    schedule(tell, TELL_EVERY)
  }
  schedule(tell, TELL_EVERY)
  try {
    const done = await work
    if (isTold) note(`the list ${url} is here: ${(done.bytes.length / MB).toFixed(1)} MB in ${seconds()} s`)
    return done
  } finally {
    isOver = true
  }
}
