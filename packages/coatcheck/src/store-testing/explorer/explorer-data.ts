/** The fields of the explorer's sessions; see `WriteKind`. */
export interface ExplorerData {
  items: string[]
  count: number
  private: string[]
  updated: string[]
}
