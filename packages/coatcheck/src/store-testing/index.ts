/**
 * For authors of stores: the contract of `SessionStore` as cases that any test runner can run, and a comparison with the
 * memory store under random commands, and the interleaving explorer, which runs whole sessions over a store in many orders. For authors of adapters: the table of exchanges, which every adapter runs in the
 * same way. Everything here throws plain errors and imports no test runner.
 */
// biome-ignore-start lint/performance/noBarrelFile: the entry that package.json names
export { ContractViolation } from './assertions.ts'
export { storeContractCases } from './contract.ts'
export type { ExchangeCase } from './exchanges/exchange-context.ts'
export type {
  CreateExchangeStore,
  ExchangeApplication,
  ExchangeData,
  ExchangeHarness,
  Feature,
  ResponseWriter,
  Route,
  RouteRequest,
  ServedOrigin,
  Turn,
} from './exchanges/harness.ts'
export { exchangeCases, exchangeCasesFor } from './exchanges/table.ts'
export {
  BearerClient,
  Browser,
  type Client as ExplorerClient,
  type ClientOptions as ExplorerClientOptions,
  ServerSideRender,
} from './explorer/client-models.ts'
export type { Jump as ExplorerJump } from './explorer/clock.ts'
export {
  type Exploration,
  type ExploreOptions,
  type ExplorerStores,
  explore,
  type Scenario,
} from './explorer/explore.ts'
export type { ExplorerData } from './explorer/explorer-data.ts'
export type { ExplorerNode } from './explorer/explorer-node.ts'
export { explorerScenarios } from './explorer/explorer-scenarios.ts'
export type { Reply as ExplorerReply, RequestOptions as ExplorerRequest } from './explorer/travel.ts'
export type { Turn as ExplorerTurn } from './explorer/turn.ts'
export { InterleavingViolation } from './explorer/violation.ts'
export type { Visit as ExplorerVisit } from './explorer/visit.ts'
export type { World as ExplorerWorld } from './explorer/world.ts'
export {
  ANY_TIMING,
  PROMPT_TIMING,
  type ScenarioOptions,
  type Timing as ExplorerTiming,
} from './explorer/world-options.ts'
export {
  type CreateHarness,
  missingRequirement,
  type Requirement,
  type StoreCase,
  type StoreHarness,
} from './harness.ts'
export {
  compareWithModel,
  MODEL_RETENTION,
  ModelMismatch,
  type ModelRun,
} from './model/compare.ts'
export type { ModelPair } from './model/match.ts'
export { type CaseResult, type ContractSummary, runStoreCase, runStoreContract } from './run.ts'
// biome-ignore-end lint/performance/noBarrelFile: the entry that package.json names
