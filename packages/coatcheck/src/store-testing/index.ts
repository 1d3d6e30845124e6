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
export type { Client as ExplorerClient, ExplorerData, ExplorerNode } from './explorer/client.ts'
export { type Exploration, type ExploreOptions, explore, type Scenario } from './explorer/explore.ts'
export { explorerScenarios } from './explorer/explorer-scenarios.ts'
export { InterleavingViolation } from './explorer/violation.ts'
export type { ExplorerStores, World as ExplorerWorld, WorldOptions } from './explorer/world.ts'
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
