export interface CyrusPrograms {
  readonly master: string;
  readonly imapd: string;
  /** ctl_cyrusdb, which mends the databases at the start. */
  readonly recover: string;
}

/** Null where one of them is missing. */
export declare function findCyrus(): CyrusPrograms | null;
