import type { DiskService, Request } from "./wire.ts";
export class SnapshotService implements DiskService {
  handle(request: Request): void {
    request.fail({ kind: "environment", message: "x" });
  }
}
