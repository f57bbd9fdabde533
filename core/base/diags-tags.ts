import { linearPattern } from './linear-pattern.js'

/** Which debug tags are on: a test, and what is wrong with the expression (then no tag is on). */
export interface TagTest {
  readonly isOn: (tag: string) => boolean
  readonly wrong: readonly string[]
}

const NO_TAG = (): boolean => false

/** No tag of ours is longer; plugins may make tags of what clients send. */
const MAX_TAG = 256

/**
 * Compiles proxy.config.diags.debug.tags: a regular expression that is anchored at the beginning of the tag and has an
 * implicit `.*` at its end. Null switches every tag off.
 */
export function compileTags(tags: string | null): TagTest {
  if (tags === null) return { isOn: NO_TAG, wrong: [] }
  const isMatch = linearPattern(tags, { anchor: 'beginning' })
  if ('wrong' in isMatch) return { isOn: NO_TAG, wrong: [isMatch.wrong] }
  return { isOn: tag => tag.length <= MAX_TAG && isMatch(tag), wrong: [] }
}
