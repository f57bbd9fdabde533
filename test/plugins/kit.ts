import { type Kit, type KitOptions, type Outcome, openKit } from '../../core/testing/kit.js'

/** Where the compiled samples lie, beside the compiled tests. */
const SAMPLES = new URL('../../sample-plugins/', import.meta.url)

/** Opens the test kit with samples, by their lines in plugin.config. */
export async function openSamples(
  t: { teardown(fn: () => void): void },
  lines: string | readonly string[],
  options?: KitOptions,
): Promise<Kit> {
  const kit = await openKit(new URL('samples.test.js', SAMPLES), lines, options)
  t.teardown(() => kit.close())
  return kit
}

export const ACCEPTED: Outcome = { kind: 'accepted', by: 'plugins' }

/** A rejection by a plugin, as far as a test names it. */
export function rejected(
  plugin: string,
  reason: Outcome['reason'] & string,
  detail?: string,
): Partial<Outcome> {
  return { kind: 'rejected', by: 'plugin', plugin, reason, ...(detail === undefined ? {} : { detail }) }
}

/** Certificates with these subjects, leaf first. */
export const subjects = (...all: string[]): { readonly subject: string }[] =>
  all.map(subject => ({ subject }))
