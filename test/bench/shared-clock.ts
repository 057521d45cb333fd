/** Milliseconds on the kernel's monotonic clock, which is the same in every process of a machine. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
