/** What a worker thread of an isolated plugin runs. It loads neither the engine nor anything of the proxy's. */
import type { WorkerTask } from '../../plugin-host/isolate/messages.js'
import { servePlugin } from '../../plugin-host/isolate/serve.js'
import { Reenable } from '../../wait/reenable.js'
import { Timers } from '../../wait/timers.js'

export default function run(task: WorkerTask): Promise<void> {
  return servePlugin(task, {
    createTimers: onError => new Timers(onError),
    createRight: (deliver, onIgnored) => new Reenable(deliver, onIgnored),
  })
}
