// As much of the contenders' packages as is used, so that the bench is type-checked where they are
// not installed.

declare module "rxjs" {
  export interface Observable<T> {
    pipe(...steps: readonly unknown[]): Observable<T>;
  }
  export interface GroupedObservable<T> extends Observable<T> {
    readonly key: string;
  }
  export function from<T>(items: Iterable<T>): Observable<T>;
  export function lastValueFrom<T>(source: Observable<unknown>): Promise<T>;
  export function distinct<T>(keyOf: (item: T) => string): unknown;
  export function groupBy<T>(keyOf: (item: T) => string): unknown;
  export function map<T, U>(change: (item: T) => U): unknown;
  export function mergeMap<T, U>(change: (item: T) => U): unknown;
  export function reduce<T, U>(step: (total: U, item: T) => U, first: U): unknown;
  export function toArray(): unknown;
}

declare module "arquero" {
  export interface ColumnTable {
    dedupe(column: string): ColumnTable;
    groupby(...columns: readonly string[]): ColumnTable;
    rollup(columns: { readonly [name: string]: unknown }): ColumnTable;
    objects(): { readonly [column: string]: unknown }[];
    numRows(): number;
  }
  export function table(columns: { readonly [name: string]: readonly unknown[] }): ColumnTable;
  export const op: {
    count(): unknown;
    sum(column: string): unknown;
    min(column: string): unknown;
    max(column: string): unknown;
  };
}

declare module "@electric-sql/d2ts" {
  export interface Stream<T> {
    pipe(...operators: readonly unknown[]): Stream<T>;
  }
  export interface InputStream<T> extends Stream<T> {
    sendData(version: number, items: MultiSet<T>): void;
    sendFrontier(version: number): void;
  }
  export class MultiSet<T> {
    constructor(items: [item: T, multiplicity: number][]);
    getInner(): [item: T, multiplicity: number][];
  }
  export class D2 {
    constructor(options: { initialFrontier: number });
    newInput<T>(): InputStream<T>;
    finalize(): void;
    run(): void;
  }
  export const MessageType: { readonly DATA: number };
  export function map<T, U>(change: (item: T) => U): unknown;
  export function distinct(): unknown;
  export function groupBy<T>(keyOf: (item: T) => object, aggregates: object): unknown;
  export const groupByOperators: {
    readonly count: () => unknown;
    readonly sum: <T>(valueOf: (item: T) => number) => unknown;
    readonly min: <T>(valueOf: (item: T) => number) => unknown;
    readonly max: <T>(valueOf: (item: T) => number) => unknown;
  };
  export function output<T>(
    tell: (message: { type: number; data: { collection: MultiSet<T> } }) => void,
  ): unknown;
}

declare module "@datadog/sketches-js" {
  export class DDSketch {
    constructor(options: { relativeAccuracy: number });
    accept(value: number): void;
    getValueAtQuantile(quantile: number): number;
  }
}

declare module "@duckdb/node-api" {
  export interface DuckDBConnection {
    run(sql: string): Promise<unknown>;
    runAndReadAll(sql: string): Promise<{ getRows(): (string | number | null)[][] }>;
    closeSync(): void;
  }
  export interface Instance {
    connect(): Promise<DuckDBConnection>;
    closeSync(): void;
  }
  export const DuckDBInstance: {
    create(path: string, options: { readonly [name: string]: string }): Promise<Instance>;
  };
}

declare module "@duckdb/duckdb-wasm/blocking" {
  export interface ArrowTable {
    toArray(): { toJSON(): { readonly [column: string]: string | number | null } }[];
  }
  export interface Connection {
    query(sql: string): ArrowTable;
    insertArrowFromIPCStream(bytes: Uint8Array, options: { name: string; create: boolean }): void;
    close(): void;
  }
  export interface Bindings {
    instantiate(onProgress: () => void): Promise<unknown>;
    connect(): Connection;
  }
  export interface Bundle {
    readonly mainModule: string;
    readonly mainWorker: string;
  }
  export class VoidLogger {}
  export const NODE_RUNTIME: unknown;
  export function createDuckDB(
    bundles: { readonly mvp: Bundle; readonly eh: Bundle },
    logger: VoidLogger,
    runtime: unknown,
  ): Promise<Bindings>;
}

declare module "@duckdb/duckdb-wasm" {
  import type { ArrowTable } from "@duckdb/duckdb-wasm/blocking";
  export interface AsyncConnection {
    query(sql: string): Promise<ArrowTable>;
    insertArrowFromIPCStream(
      bytes: Uint8Array,
      options: { name: string; create: boolean },
    ): Promise<void>;
    close(): Promise<void>;
  }
  export class VoidLogger {}
  export class AsyncDuckDB {
    constructor(logger: VoidLogger, worker: Worker);
    instantiate(moduleUrl: string): Promise<unknown>;
    connect(): Promise<AsyncConnection>;
    terminate(): Promise<void>;
  }
}

declare module "*?url" {
  const url: string;
  export default url;
}

declare module "apache-arrow" {
  export function tableFromArrays(columns: {
    readonly [name: string]: readonly unknown[] | Float64Array;
  }): unknown;
  export function tableToIPC(table: unknown, format: "stream"): Uint8Array;
}

declare module "@perspective-dev/client" {
  export interface View {
    to_json(options: { leaves_only: boolean }): Promise<PerspectiveRow[]>;
    delete(): Promise<void>;
  }
  export interface PerspectiveRow {
    readonly __ROW_PATH__: readonly [string, number];
    readonly [column: string]: unknown;
  }
  export interface Table {
    update(columns: { readonly [name: string]: readonly unknown[] }): Promise<void>;
    view(config: object): Promise<View>;
    size(): Promise<number>;
    delete(): Promise<void>;
  }
  export interface Client {
    table(schema: { readonly [name: string]: string }, options: { index: string }): Promise<Table>;
  }
  const perspective: Client;
  export default perspective;
}

declare module "@perspective-dev/client/inline" {
  import type { Client } from "@perspective-dev/client";
  const perspective: { worker(): Promise<Client> };
  export default perspective;
}
