import type { ManagedTopics, PluginContext } from 'portcullis/plugin'

/** Offers a topic to operators if no other plugin has it. Messages (`ctl plugin msg`) reach the plugin in either case. */
export function offer<T extends keyof ManagedTopics>(
  { manage, debug }: Pick<PluginContext, 'manage' | 'debug'>,
  topic: T,
  offered: ManagedTopics[T],
): void {
  try {
    manage(topic, offered)
  } catch (cause) {
    debug(`ctl does not reach this instance: ${cause instanceof Error ? cause.message : cause}`)
  }
}
