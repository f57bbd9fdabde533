import { describe } from './errors.js'

/** Which debug tags are on: a test, and what is wrong with the expression (then no tag is on). */
export interface TagTest {
  readonly isOn: (tag: string) => boolean
  readonly wrong: readonly string[]
}

const NO_TAG = (): boolean => false

/**
 * Compiles proxy.config.diags.debug.tags: a regular expression that is anchored at the beginning of the tag and has an
 * implicit `.*` at its end. Null switches every tag off.
 */
export function compileTags(tags: string | null): TagTest {
  if (tags === null) return { isOn: NO_TAG, wrong: [] }
  try {
    // Compiled alone first: `a)(?:b` is wrong, though the brackets of the anchor would repair it.
    new RegExp(tags)
    const anchored = new RegExp(`^(?:${tags})`)
    return { isOn: tag => anchored.test(tag), wrong: [] }
  } catch (cause) {
    return { isOn: NO_TAG, wrong: [describe(cause)] }
  }
}
