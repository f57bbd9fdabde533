/** A store that processes of a fleet share, without seals and without a Redis: what a test puts there is believed to be sealed. */
import type { SharedStore } from '../../core/base/shared-store.js'

const HOUR = 3_600_000

interface Put {
  readonly item: Buffer
  readonly life: number
}

export class Shelf {
  readonly items = new Map<string, Put>()
  /** What was there once. */
  readonly ever = new Map<string, Put>()
  /** Before an item that was taken out is handed over. */
  onTake: (() => unknown) | undefined

  store(readySince: () => number | undefined = () => 1): SharedStore {
    return {
      get readySince() {
        return readySince()
      },
      lifeOf: () => HOUR,
      get: async (_kind, ids) => ids.map(id => this.items.get(id)?.item),
      take: async (_kind, id) => {
        const found = this.items.get(id)?.item
        this.items.delete(id)
        await this.onTake?.()
        return found
      },
      set: (_kind, id, item, life) => {
        const put = { item: Buffer.from(item), life }
        this.items.set(id, put)
        this.ever.set(id, put)
      },
      delete: (_kind, ids) => {
        for (const id of ids) this.items.delete(id)
      },
    }
  }

  /** As one that can write to Redis does. */
  putBack(): void {
    for (const [id, put] of this.ever) this.items.set(id, put)
  }
}
