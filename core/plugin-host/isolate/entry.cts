/**
 * Where a worker thread of an isolated plugin begins. CommonJS, because piscina requires a task's module before it would
 * import it, and Node 20 now and then fails over an ES module that is required first.
 */
module.exports = async (task: never): Promise<void> => {
  const { servePlugin } = await import('./serve.js')
  await servePlugin(task)
}
