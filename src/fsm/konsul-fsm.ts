import { assert, EMPTY_BYTES, utf8, type LogIndex } from "../base/index.ts";
import { applyAcl, type AclTables } from "./acl/acl-apply.ts";
import { AclIndex, type AclQueries } from "./acl/acl-queries.ts";
import { bootstrapRowFormat, policyRow, policyRowFormat, tokenRow, tokenRowFormat } from "./acl/acl-row.ts";
import {
  decodeCommand,
  isAclCommand,
  isKvCommand,
  isRestoreCommand,
  isServiceCommand,
  isSessionCommand,
  UndecodableCommand,
  type Command,
} from "./commands.ts";
import type { FsmResult } from "./fsm-result.ts";
import { ChangeFeed, type Changes } from "./feed/change-feed.ts";
import { applyKv, type KvTable } from "./kv/kv-apply.ts";
import { createKvQueries, type KvQueries, type KvScope } from "./kv/kv-queries.ts";
import { hasLock, kvRow, kvRowFormat } from "./kv/kv-row.ts";
import { applyService, type ServiceTable } from "./services/service-apply.ts";
import { createServiceQueries, type ServiceQueries } from "./services/service-queries.ts";
import { serviceRow, serviceRowFormat } from "./services/service-row.ts";
import { applyRestore } from "./restore/restore-apply.ts";
import type { RestoreCommit, RestoreResult } from "./restore/restore-command.ts";
import { stagedRowFormat, type StagedRow } from "./restore/staged-row.ts";
import { LockHolders } from "./sessions/lock-holders.ts";
import { applySession, type SessionTables } from "./sessions/session-apply.ts";
import { createSessionQueries, type SessionQueries } from "./sessions/session-queries.ts";
import { lockDelayRowFormat, sessionRowFormat } from "./sessions/session-row.ts";
import { OnceResults } from "./once/once-apply.ts";
import { onceRowFormat } from "./once/once-row.ts";
import { settingsRowFormat, type SettingsRow } from "./settings/settings-row.ts";
import { freezeState, type FrozenState } from "./snapshot/freeze-state.ts";
import { RestoreFailed, StateRestorer, type RestoreClaim } from "./snapshot/restore-state.ts";
import { HashSum } from "./state/row-hash.ts";
import { StateTable, type Section, type TableFactory } from "./state/state-table.ts";
import { startsWithBytes } from "./table/byte-keys.ts";
import { createPageTable } from "./table/page-table.ts";

/** The part of a log entry that the state machine needs; a log entry of the core is one. */
export interface FsmEntry {
  readonly index: LogIndex;
  readonly kind: "noop" | "command" | "membership" | "check";
  readonly time: number;
  readonly data: Uint8Array;
}

export interface KonsulFsmOptions {
  readonly tables?: TableFactory;
  /** Changes that watchers can resume from. */
  readonly watchWindow?: number;
  /** Bytes of keys and values those changes may hold on to. */
  readonly watchWindowBytes?: number;
}

/** The replicated state: satisfies the port `StateMachine` of the node, and answers reads. */
export interface KonsulFsm {
  /** @throws UndecodableCommand, before anything was changed */
  apply(entry: FsmEntry): FsmResult;
  readonly appliedIndex: LogIndex;
  /** Cluster time in ms of the last applied entry. */
  readonly appliedTime: number;
  freeze(): FrozenState;
  /**
   * Forgets everything: an empty state at index 0. From the first part until `restoreEnd` returned, nothing may be
   * applied, frozen or read.
   */
  restoreStart(): void;
  /** @throws RestoreFailed */
  restorePart(bytes: Uint8Array): void;
  /** @throws RestoreFailed */
  restoreEnd(claim: RestoreClaim): void;
  stateHash(): string;
  /** About how much memory the rows take. The same on every node with the same state. */
  stateBytes(): number;
  /** Keys of the key-value store. */
  keyCount(): number;
  readonly kv: KvQueries;
  readonly services: ServiceQueries;
  readonly sessions: SessionQueries;
  readonly acl: AclQueries;
  /** JSON of a group of settings that all nodes share; undefined: nobody has set it. */
  settings(name: string): string | undefined;
  /** As `KvQueries.hasChangedSince`, for any table. */
  hasChangedSince(scope: StateScope, index: LogIndex): boolean;
  readonly changes: Changes;
}

/** What a blocking read covers: keys, or instances of the registry whose names start so. */
export type StateScope = KvScope | { readonly services: Uint8Array };

const WATCH_WINDOW = 100_000;
const WATCH_WINDOW_BYTES = 64 * 1024 * 1024;

/** Makes an empty state machine at index 0. */
export function createKonsulFsm(options: KonsulFsmOptions = {}): KonsulFsm {
  return new Fsm(options);
}

class Fsm implements KonsulFsm {
  readonly kv: KvQueries;
  readonly services: ServiceQueries;
  readonly sessions: SessionQueries;
  readonly acl: AclIndex;
  readonly changes: ChangeFeed;
  readonly #kvTable: KvTable;
  readonly #serviceTable: ServiceTable;
  readonly #sessionTables: SessionTables;
  readonly #aclTables: AclTables;
  readonly #staged: StateTable<StagedRow>;
  readonly #settings: StateTable<SettingsRow>;
  readonly #once: OnceResults;
  readonly #tables: TableFactory;
  /** The entry that is being applied replaced the whole state. */
  #isReplaced = false;
  /** All tables, by ascending number. */
  readonly #sections: readonly Section[];
  /** Never decreases but by a restore. */
  #appliedIndex: LogIndex = 0;
  /** Never decreases but by a restore. */
  #appliedTime = 0;
  /** Set from `restoreStart` until a restore succeeded. */
  #restorer: StateRestorer | undefined;

  constructor(options: KonsulFsmOptions) {
    const tables = options.tables ?? createPageTable;
    this.#tables = tables;
    const feed = new ChangeFeed({
      changesMax: options.watchWindow ?? WATCH_WINDOW,
      bytesMax: options.watchWindowBytes ?? WATCH_WINDOW_BYTES,
    });
    this.changes = feed;
    this.#kvTable = new StateTable(tables(), kvRowFormat, (key, row) => {
      this.#sessionTables.holders.onChange(key, row);
      const { index, sub } = feed.nextPlace();
      if (row === undefined) feed.record({ index, sub, kind: "delete", table: "kv", key });
      else feed.record({ index, sub, kind: "put", table: "kv", key, row });
    });
    this.#serviceTable = new StateTable(tables(), serviceRowFormat, (key, row) => {
      const { index, sub } = feed.nextPlace();
      if (row === undefined) feed.record({ index, sub, kind: "delete", table: "services", key });
      else feed.record({ index, sub, kind: "put", table: "services", key, row });
    });
    this.services = createServiceQueries(this.#serviceTable);
    // Who waits for a lock watches its key: sessions and delays need no feed of their own.
    const sessions = new StateTable(tables(), sessionRowFormat, () => undefined);
    const delays = new StateTable(tables(), lockDelayRowFormat, () => undefined);
    this.#sessionTables = { sessions, delays, kv: this.#kvTable, holders: new LockHolders() };
    this.sessions = createSessionQueries(this.#sessionTables);
    this.#staged = new StateTable(tables(), stagedRowFormat, () => undefined);
    this.#settings = new StateTable(tables(), settingsRowFormat, () => undefined);
    this.acl = new AclIndex(() => this.#aclTables);
    this.#aclTables = createAclTables(tables, () => this.acl.changed());
    const { policies, tokens, bootstrap } = this.#aclTables;
    const own = [this.#kvTable, this.#serviceTable, sessions, delays];
    const once = new StateTable(tables(), onceRowFormat, () => undefined);
    this.#once = new OnceResults(once);
    this.#sections = [...own, policies, tokens, bootstrap, this.#staged, this.#settings, once];
    this.kv = createKvQueries(this.#kvTable, feed);
  }

  get appliedIndex(): LogIndex {
    return this.#appliedIndex;
  }

  get appliedTime(): number {
    return this.#appliedTime;
  }

  apply(entry: FsmEntry): FsmResult {
    this.#leaveUntouchedRestore();
    assert(this.#restorer === undefined, "An entry must not be applied in the middle of a restore");
    assert(
      entry.index === this.#appliedIndex + 1,
      () => `The next entry to apply must be ${this.#appliedIndex + 1}: it is ${entry.index}`,
    );
    assert(
      entry.time >= this.#appliedTime,
      () => `The time of entry ${entry.index} must not be before ${this.#appliedTime}`,
    );
    const command = entry.kind === "command" ? decode(entry) : undefined;
    this.changes.begin(entry.index);
    const result: FsmResult = command === undefined ? { kind: "applied" } : this.#run(entry, command);
    this.#appliedIndex = entry.index;
    this.#appliedTime = entry.time;
    if (this.#isReplaced) this.changes.commitReset();
    else this.changes.commit();
    this.#isReplaced = false;
    return result;
  }

  hasChangedSince(scope: StateScope, index: LogIndex): boolean {
    if (!("services" in scope)) return this.kv.hasChangedSince(scope, index);
    return this.changes.hasChangedSince("services", index, (key) => startsWithBytes(key, scope.services));
  }

  freeze(): FrozenState {
    this.#leaveUntouchedRestore();
    assert(this.#restorer === undefined, "A state must not be frozen in the middle of a restore");
    return freezeState(this.#sections, { index: this.#appliedIndex, time: this.#appliedTime });
  }

  restoreStart(): void {
    this.#appliedIndex = 0;
    this.#appliedTime = 0;
    this.#restorer = new StateRestorer(this.#sections);
  }

  restorePart(bytes: Uint8Array): void {
    assert(this.#restorer !== undefined, "A restore must be started before its first part");
    this.#restorer.part(bytes);
  }

  restoreEnd(claim: RestoreClaim): void {
    assert(this.#restorer !== undefined, "A restore must be started before it ends");
    const moment = this.#restorer.end(claim);
    this.#restorer = undefined;
    this.#appliedIndex = moment.index;
    this.#appliedTime = moment.time;
    this.#rebuildHolders();
    this.acl.changed();
    this.#once.rebuild();
    this.changes.reset(moment.index);
  }

  settings(name: string): string | undefined {
    return this.#settings.get(utf8(name))?.text;
  }

  stateHash(): string {
    return HashSum.hex(this.#sections.map((section) => section.hashSum));
  }

  stateBytes(): number {
    return this.#sections.reduce((sum, section) => sum + section.sizeBytes, 0);
  }

  keyCount(): number {
    return this.#kvTable.size;
  }

  /** Only a session that is there holds locks: where there is none, no row need be looked at. */
  #rebuildHolders(): void {
    const hasSessions = this.#sessionTables.sessions.size > 0;
    this.#sessionTables.holders.rebuild(hasSessions ? this.#kvTable.range({}, hasLock) : []);
  }

  /** A node whose snapshots are all damaged starts a restore that gets no part, then replays its log from the first entry. */
  #leaveUntouchedRestore(): void {
    if (this.#restorer?.isUntouched !== true) return;
    this.#restorer = undefined;
    this.#sessionTables.holders.rebuild([]);
    this.acl.changed();
    this.#once.rebuild();
    this.changes.reset(0);
  }

  /** The place where a new domain's commands meet its tables. */
  #run({ index, time }: Pick<FsmEntry, "index" | "time">, command: Command): FsmResult {
    if (isKvCommand(command)) return applyKv(this.#kvTable, index, command);
    if (isServiceCommand(command)) return applyService(this.#serviceTable, index, command);
    if (isSessionCommand(command)) return applySession(this.#sessionTables, { index, time }, command);
    if (isAclCommand(command)) return applyAcl(this.#aclTables, index, command);
    if (isRestoreCommand(command)) {
      return applyRestore(this.#staged, command, (parts, claim) => this.#replace(parts, claim, index));
    }
    if (command.kind === "once") {
      const result = this.#once.apply(command, time, (inner) => this.#run({ index, time }, decodeCommand(inner)));
      return toResult(result);
    }
    this.#settings.set(utf8(command.name), Object.freeze({ text: command.text, modifyIndex: index }));
    return { kind: "settings-changed", modifyIndex: index };
  }

  /**
   * Everything becomes what the parts hold, as if it had been written by this very entry: an index that a client knows
   * from before can match nothing by chance. Sessions and locks are not taken over, as their holders are long gone.
   */
  #replace(parts: readonly Uint8Array[], claim: RestoreCommit, index: LogIndex): RestoreResult {
    const source = new Fsm({ tables: this.#tables });
    try {
      source.restoreStart();
      for (const part of parts) source.restorePart(part);
      source.restoreEnd(claim);
    } catch (cause) {
      if (!(cause instanceof RestoreFailed)) throw cause;
      return { kind: "restore-refused", reason: cause.message };
    }
    const everything = { from: EMPTY_BYTES };
    const stamp = { createIndex: index, modifyIndex: index };
    for (const section of this.#sections) section.clear();
    for (const [key, { value, flags }] of source.#kvTable.range(everything)) {
      this.#kvTable.fill(key, kvRow({ value, flags, ...stamp }));
    }
    for (const [key, row] of source.#serviceTable.range(everything)) {
      this.#serviceTable.fill(key, serviceRow({ ...row, ...stamp }));
    }
    for (const [key, { text }] of source.#settings.range(everything)) {
      this.#settings.fill(key, Object.freeze({ text, modifyIndex: index }));
    }
    const { policies, tokens, bootstrap } = this.#aclTables;
    const from = source.#aclTables;
    for (const [key, row] of from.policies.range(everything)) policies.fill(key, policyRow({ ...row, ...stamp }));
    for (const [key, row] of from.tokens.range(everything)) tokens.fill(key, tokenRow({ ...row, ...stamp }));
    for (const [key] of from.bootstrap.range(everything)) bootstrap.fill(key, Object.freeze({ index }));
    this.#sessionTables.holders.rebuild([]);
    this.acl.changed();
    this.#once.rebuild();
    this.#isReplaced = true;
    return { kind: "restore-done", modifyIndex: index, keys: this.#kvTable.size, services: this.#serviceTable.size };
  }
}

function createAclTables(tables: TableFactory, changed: () => void): AclTables {
  return {
    policies: new StateTable(tables(), policyRowFormat, changed),
    tokens: new StateTable(tables(), tokenRowFormat, changed),
    bootstrap: new StateTable(tables(), bootstrapRowFormat, changed),
  };
}

/** What was kept is what this program once gave. */
function toResult(value: unknown): FsmResult {
  assert(isResult(value), "A result that was kept must be one");
  return value;
}

function isResult(value: unknown): value is FsmResult {
  return typeof value === "object" && value !== null && "kind" in value;
}

function decode(entry: FsmEntry): Command {
  try {
    return decodeCommand(entry.data);
  } catch (cause) {
    if (!(cause instanceof UndecodableCommand)) throw cause;
    throw new UndecodableCommand(`Cannot apply entry ${entry.index}: ${cause.message}`, { cause });
  }
}
