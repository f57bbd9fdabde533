/** Two workers of a plugin, as tests of topics have them. */
import type { Test } from 'tap'
import { WorkerLink } from '../../../../core/plugin-host/isolate/worker-link.js'
import { WorkerTopics } from '../../../../core/plugin-host/isolate/worker-topics.js'
import { TopicHub } from '../../../../core/plugin-host/topics/hub.js'
import { poll } from '../../../kit/watch.js'
import { type TestThread, thread } from './thread-kit.js'

const LOADED = { did: 'load', hooks: [], topics: ['approvals', 'policy'] }

/** Two workers of a plugin that say what the test wants, and the topics over them. */
export async function twoWorkers(t: Test) {
  const threads = [thread(t), thread(t)] as const
  const lost: string[] = []
  let seq = 0
  const links: WorkerLink[] = threads.map(
    one =>
      new WorkerLink(one, 600_000, {
        onLoad: () => {},
        onMessage: message => {
          const link = links[threads.indexOf(one)]
          if (message.did === 'managed' && link !== undefined) topics.take(link, message)
        },
        onStalled: () => {},
        onLost: why => {
          lost.push(why)
          const link = links[threads.indexOf(one)]
          if (link !== undefined) topics.lose(link, why)
        },
      }),
  )
  const serving = () => links.filter(link => link.isServing)
  const topics = new WorkerTopics('asking', serving, () => ++seq, new TopicHub().of('asking'))
  topics.begin(['approvals', 'policy'])
  for (const one of threads) one.say(LOADED)
  await poll(() => serving().length === 2, 'two workers that serve')
  /** What a worker is asked: its number, once it has arrived. */
  const asked = async (one: TestThread, count = 1): Promise<number> => {
    const found = () => one.sent.filter(message => (message as { do: string }).do === 'manage')
    await poll(() => found().length >= count, `${count} requests`)
    return (found().at(-1) as { seq: number }).seq
  }
  return { topics, threads, lost, asked }
}

/** What a worker answers. */
export const says = (seq: number, value: unknown) => ({ did: 'managed', seq, text: JSON.stringify(value) })
