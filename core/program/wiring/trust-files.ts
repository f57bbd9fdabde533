import { configuredAnchors, defaultAnchors, readText, type TrustAnchors } from '../../tls/judge/trust.js'

/** Files and folders of trust, read once for all the rules that name them. What cannot be read is an error each time. */
export class TrustFiles {
  readonly #anchors = new Map<string, TrustAnchors>()
  readonly #texts = new Map<string, string>()
  #defaults: TrustAnchors | undefined

  /** As {@link configuredAnchors}. */
  anchors(place: string, what: string): TrustAnchors {
    return remembered(this.#anchors, place, () => configuredAnchors(place, what))
  }

  defaults(): TrustAnchors {
    this.#defaults ??= defaultAnchors()
    return this.#defaults
  }

  /** As {@link readText}. */
  text(file: string, what: string): string {
    return remembered(this.#texts, file, () => readText(file, what))
  }
}

function remembered<T>(known: Map<string, T>, key: string, make: () => T): T {
  const found = known.get(key)
  if (found !== undefined) return found
  const made = make()
  known.set(key, made)
  return made
}
