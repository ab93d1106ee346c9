import type { SoakCluster } from "./cluster.ts";

/** Of each node. After about as many the heap and the compiled code of a process have the size that they keep. */
const REQUESTS = 150_000;
const CLIENTS = 8;
const KEYS = 1000;

/**
 * What a process takes rises with what it has done, not with time: without this it would still be filling up when its
 * memory is first looked at.
 */
export async function warmUp(cluster: SoakCluster, isOver: () => boolean): Promise<void> {
  await Promise.all(cluster.urls.map(async (url) => warmUpNode(url, isOver)));
}

async function warmUpNode(url: string, isOver: () => boolean): Promise<void> {
  let left = REQUESTS;
  const client = async (): Promise<void> => {
    while (left > 0 && !isOver()) {
      left -= 1;
      const path = left % 8 === 1 ? "/kv/warm/?limit=20" : `/kv/warm/${left % KEYS}`;
      const init = left % 4 === 0 ? { method: "PUT", body: "v".repeat(100) } : {};
      // Whatever the answer is: the judges come later.
      await fetch(`${url}${path}`, init)
        .then(async (answer) => answer.arrayBuffer())
        .catch(() => undefined);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}
