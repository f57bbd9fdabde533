/**
 * Calls `work` from the end of the stack, as a plugin with endless recursion does that catches the error: from the deepest
 * frame where the call does not throw, but `frames` above the end.
 */
export function atStackEnd(work: () => void, frames = 0): void {
  let left = frames
  const deeper = (): void => {
    try {
      deeper()
    } catch (cause) {
      if (left-- > 0) throw cause
      work()
    }
  }
  deeper()
}
