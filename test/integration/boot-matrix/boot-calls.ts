import type { PeerCalls } from "../../../src/cluster/index.ts";
import type { BootStage, Neighbour } from "./boot-stage.ts";

/** Questions of one process to whoever answers at an address, over links that may be cut either way. */
export function createCalls(stage: BootStage, from: Neighbour): PeerCalls {
  const { scheduler, network } = stage;
  const numberOf = (address: string): number => Number(address.slice("host".length).split(":")[0]);
  const own = numberOf(from.self.address);
  return {
    call: () => undefined,
    ask: (address, { method, body, timeoutMs }, done) => {
      let isOver = false;
      const finish = (...outcome: Parameters<typeof done>): void =>
        from.enter(() => {
          if (isOver) return;
          isOver = true;
          done(...outcome);
        });
      const to = numberOf(address);
      const { links } = network;
      scheduler.after(timeoutMs, () => finish({ kind: "lost", reason: "no answer came in time" }, undefined));
      scheduler.after(links.latency(own, to), () => {
        if (links.isBlocked(own, to) || links.isBlocked(to, own)) return;
        const target = stage.processAt(to);
        if (target === undefined) return finish({ kind: "not-sent", reason: "refused" }, undefined);
        const peer = { key: from.key, address: from.self.address, clusterId: from.identity?.clusterId ?? "" };
        target.enter(() =>
          target.answer({ method, body, peer }, (said) => {
            scheduler.after(links.latency(to, own), () => {
              if (links.isBlocked(to, own)) return;
              const { key, identity, self } = target;
              const other = { key, address: self.address, clusterId: identity?.clusterId ?? "" };
              finish({ kind: "answer", body: said }, other);
            });
          }),
        );
      });
    },
  };
}
