/**
 * 8192 machine words: 64 KB. An answer takes about 8 KB to deliver, and V8 compiles a function that is called for the first time
 * only where 40 KB are left.
 */
const WORDS = Array.from({ length: 8192 }, () => undefined)

function nothing(): void {}

/**
 * Checks that the stack has room for work of the core. A plugin may call the core from the end of its stack; work that runs out
 * of stack stops anywhere in the middle, and its `catch` and `finally` blocks stop as well. V8 has no function that tells what
 * is left: pushing that many arguments is its only check of a known size.
 * @throws {RangeError} when there is less
 */
export function needStackRoom(): void {
  Reflect.apply(nothing, undefined, WORDS)
}
