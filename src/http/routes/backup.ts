import {
  isRestoreResult,
  RESTORE_CHUNK_BYTES_MAX,
  RestoreFailed,
  createKonsulFsm,
  type RestoreCommand,
  type RestoreResult,
} from "../../fsm/index.ts";
import { BackupDamaged, type BackupHeader } from "../backup/backup-format.ts";
import { readBackup } from "../backup/read-backup.ts";
import { writeBackup } from "../backup/write-backup.ts";
import type { HttpDeps } from "../deps.ts";
import { ApiError } from "../errors.ts";
import { readFailure, writeFailure } from "../failures.ts";
import { refuseParameters } from "../query.ts";
import type { Responder } from "../respond.ts";
import type { RequestUrl } from "../request-url.ts";

export interface BackupCall {
  readonly request: Request;
  readonly url: RequestUrl;
  readonly respond: Responder;
}

/** The whole state of one moment, with every write in it that was acknowledged before. */
export async function saveBackup(deps: HttpDeps, { url, respond }: BackupCall): Promise<Response> {
  refuseParameters(url);
  const failure = await deps.replica.prepareRead({ isConsistent: true });
  if (failure !== undefined) throw readFailure(failure);
  const { clusterId, version, clock } = deps;
  const takenAt = new Date(clock.wall()).toISOString();
  const stream = writeBackup(deps.replica.fsm.freeze(), { clusterId, version, takenAt });
  return respond.bytes(stream, { type: "application/vnd.konsul.backup" });
}

/**
 * Brings a backup in through the log: it is staged part by part, checked as a whole, and takes the place of the present
 * state in one entry. Until then nothing changes, whatever fails.
 */
export async function restoreBackup(deps: HttpDeps, { request, url, respond }: BackupCall): Promise<Response> {
  refuseParameters(url);
  if (deps.replica.status().core.role !== "leader") {
    throw writeFailure({ kind: "refused", refusal: deps.replica.whereToWrite() }, url.href);
  }
  const { body } = request;
  if (body === null) throw damaged("there is no body");
  const id = crypto.randomUUID();
  const stage = new Stage(deps, url, id);
  try {
    const result = await stage.run(body);
    deps.logger.warn("A backup took the place of the state", { request_id: respond.requestId, keys: result.keys });
    return respond.json({
      message: "Restored",
      modify_index: result.modifyIndex,
      keys: result.keys,
      services: result.services,
    });
  } catch (cause) {
    await deps.replica.write({ kind: "restore-abort", id });
    if (cause instanceof BackupDamaged || cause instanceof RestoreFailed) throw damaged(cause.message);
    throw cause;
  }
}

function damaged(why: string): ApiError {
  return new ApiError("bad_request", `The backup cannot be restored: ${why}. Nothing was changed`, {
    fields: { field: "body" },
  });
}

type Done = Extract<RestoreResult, { readonly kind: "restore-done" }>;

class Stage {
  readonly #deps: HttpDeps;
  readonly #url: RequestUrl;
  readonly #id: string;
  #chunks = 0;

  constructor(deps: HttpDeps, url: RequestUrl, id: string) {
    this.#deps = deps;
    this.#url = url;
    this.#id = id;
  }

  async run(body: ReadableStream<Uint8Array>): Promise<Done> {
    const id = this.#id;
    // Built here first: what does not add up never gets as far as the commit.
    const check = createKonsulFsm();
    check.restoreStart();
    let header: BackupHeader | undefined;
    await this.#write({ kind: "restore-begin", id });
    for await (const part of readBackup(body)) {
      if (part.kind === "header") ({ header } = part);
      else if (part.kind === "data") {
        check.restorePart(part.bytes);
        await this.#stage(part.bytes);
      } else if (header !== undefined) {
        const { index, time } = header;
        const { stateHash, hashVersion } = part.trailer;
        check.restoreEnd({ index, time, stateHash, hashVersion });
        const claim = { chunks: this.#chunks, index, time, stateHash, hashVersion };
        const result = await this.#write({ kind: "restore-commit", id, ...claim });
        if (result.kind === "restore-done") return result;
      }
    }
    throw new BackupDamaged("it is cut short");
  }

  async #stage(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += RESTORE_CHUNK_BYTES_MAX) {
      const part = bytes.subarray(at, at + RESTORE_CHUNK_BYTES_MAX);
      await this.#write({ kind: "restore-chunk", id: this.#id, number: this.#chunks, bytes: part });
      this.#chunks += 1;
    }
  }

  async #write(command: RestoreCommand): Promise<RestoreResult> {
    const outcome = await this.#deps.replica.write(command);
    if (outcome.kind !== "done") throw writeFailure(outcome, this.#url.href);
    const { result } = outcome;
    if (!isRestoreResult(result)) throw new ApiError("internal", `The write gave the unexpected result ${result.kind}`);
    if (result.kind === "restore-refused") {
      throw new ApiError("conflict", `The backup was not restored: ${result.reason}. Nothing was changed`);
    }
    return result;
  }
}
