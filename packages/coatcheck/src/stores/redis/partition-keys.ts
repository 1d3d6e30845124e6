/** How many partitions sessions are spread over: one byte of their ids. */
export const PARTITIONS = 256

/**
 * The five keys of each partition, in the order in which scripts take them. All of a partition share a hash tag, so that a
 * Cluster keeps them on one node; the tags of 256 partitions spread evenly over any usual number of masters.
 */
export function partitionKeys(prefix: string): readonly (readonly string[])[] {
  return Array.from({ length: PARTITIONS }, (_, partition) => {
    const stem = `${prefix}{${partition.toString(16).padStart(2, '0')}}:`
    return ['sessions', 'deadlines', 'leaving', 'tombstones', 'users'].map((name) => stem + name)
  })
}
