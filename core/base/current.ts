/**
 * What the generation in force says. Call it for each use and keep nothing of its result: a reload replaces the
 * generation. Every value that a reload may change is handed on as one of these.
 */
export type Current<T> = () => T

/** What is made of a value in force: once for each value. */
export function derived<S extends object, T>(current: Current<S>, make: (from: S) => T): Current<T> {
  const made = new WeakMap<S, { readonly value: T }>()
  return () => {
    const from = current()
    const known = made.get(from) ?? { value: make(from) }
    if (!made.has(from)) made.set(from, known)
    return known.value
  }
}
