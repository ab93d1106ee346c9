import { say, type Bench } from "./bench.ts";
import type { Shape } from "./contest.ts";
import { buildGrpcClient, grpcLoad } from "./grpc-client.ts";
import { etcdSystem, konsulSystem } from "./systems.ts";
import { missingTools } from "./tools.ts";
import { konsulWrites, writesBeside } from "./writes-beside.ts";

const AIM = 2.5;

/** Durable writes over HTTP here, beside etcd over gRPC, which is its best interface. */
export const grpc: Bench = {
  name: "grpc",
  summary: "durable writes beside etcd over gRPC, 64 and 256 clients, three nodes each; needs Go",
  run: async () => {
    const missing = missingTools(["etcd", "wrk"]);
    if (missing.length > 0) return say(`grpc: SKIPPED, there is no ${missing.join(" and no ")}`);
    const client = buildGrpcClient();
    if (client === undefined) return;
    const [konsul, etcd] = [await konsulSystem.start(), await etcdSystem.start()];
    try {
      const other = {
        name: "etcd gRPC",
        pids: () => etcd.pids(),
        term: async () => etcd.term(),
        load: async (shape: Shape) => grpcLoad(client, await etcd.leader(), shape),
      };
      await writesBeside("grpc", [konsulWrites(konsul), other], AIM);
    } finally {
      await konsul.stop();
      await etcd.stop();
    }
  },
};
