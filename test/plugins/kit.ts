import { type Kit, type KitOptions, type Outcome, openKit } from '../../core/testing/kit.js'

/** Opens the test kit with plugins, by their lines in plugin.config. */
type Opening = (
  t: { teardown(fn: () => void): void },
  lines: string | readonly string[],
  options?: KitOptions,
) => Promise<Kit>

/** @param folder of compiled plugins, beside the compiled tests */
const openIn =
  (folder: string): Opening =>
  async (t, lines, options) => {
    const kit = await openKit(new URL(`../../${folder}/a.test.js`, import.meta.url), lines, options)
    t.teardown(() => kit.close())
    return kit
  }

export const openSamples = openIn('sample-plugins')
/** The plugins that are shipped and supported. */
export const openPlugins = openIn('plugins')

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
