/** The name in the certificates of the benchmarks. */
export const HOST = 'bench.test'
