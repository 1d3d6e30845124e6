/** Where an application gave no `onError`. */
export function printFault(error: unknown): void {
  // biome-ignore lint/suspicious/noConsole: a fault that nobody asked to be told about could never be found otherwise
  console.error(error)
}
