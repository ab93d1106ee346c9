import { renameSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "bun:test";
import { parseAllDocuments } from "yaml";
import { helm } from "../../scripts/helm.ts";
import { cleanUp, konsul, startAgent, temporaryFolder } from "./agent-process.ts";
import { freePorts } from "./free-ports.ts";

afterEach(cleanUp);

const CHART = join(import.meta.dir, "..", "..", "deploy", "helm", "konsul");
/** The only one in the certificate: no address is, and nothing here resolves it. */
const NAME = "k-0.k-peers.default.svc";
const VALUES = ["tls.api.enabled=true", "tls.api.secret=api", "tls.api.requireClientCertificate=true"];

interface Probe {
  readonly exec?: { readonly command: readonly string[] };
}
interface Container {
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly startupProbe: Probe;
}
interface Rendered {
  readonly settings: Readonly<Record<string, string>>;
  readonly container: Container;
  readonly job: Container;
}

/** What the pods get; a pod's folder of certificates is this one, and its API is there. */
function render(certificates: string, url: string): Rendered {
  const values = [...VALUES, "scaleDown.enabled=true", "scaleDown.tokenSecret.name=admin"];
  const child = Bun.spawnSync([helm(), "template", "k", CHART, ...values.flatMap((value) => ["--set", value])]);
  const text = child.stdout.toString().replaceAll("/etc/konsul/api", certificates);
  const documents = parseAllDocuments(text.replaceAll("https://127.0.0.1:8888", url));
  const partOf = (kind: string, path: readonly (string | number)[]): unknown => {
    const json: unknown = documents.find((one) => one.get("kind") === kind)?.toJS();
    return path.reduce((part, name): unknown => Object(part)[name], json);
  };
  const first = ["spec", "template", "spec", "containers", 0];
  return {
    settings: Object(partOf("ConfigMap", ["data"])),
    container: Object(partOf("StatefulSet", first)),
    job: Object(partOf("Job", first)),
  };
}

/** One secret as the chart wants it. */
async function createSecret(): Promise<string> {
  const folder = temporaryFolder();
  expect((await konsul(["tls", "ca", "create", "--out", folder])).code).toBe(0);
  const ca = [`--ca=${join(folder, "konsul-ca.pem")}`, `--ca-key=${join(folder, "konsul-ca-key.pem")}`];
  expect((await konsul(["tls", "cert", "create", "--node=k-0", `--host=${NAME}`, ...ca, `--out=${folder}`])).code).toBe(
    0,
  );
  for (const [from, to] of [
    ["konsul-ca.pem", "ca.crt"],
    ["k-0.pem", "tls.crt"],
    ["k-0-key.pem", "tls.key"],
  ] as const) {
    renameSync(join(folder, from), join(folder, to));
  }
  return folder;
}

test("where the chart requires certificates of clients, its probes and its job show one, and probes need no name service", async () => {
  const certificates = await createSecret();
  const [port = 0] = freePorts(1);
  const url = `https://127.0.0.1:${port}`;
  const { settings, container, job } = render(certificates, url);
  const tls = Object.fromEntries(Object.entries(settings).filter(([name]) => name.startsWith("KONSUL_TLS_")));
  await startAgent(["--dev"], { ...tls, KONSUL_PORT: String(port) }, { isReadyAwaited: false });
  const own = container.env.filter(({ name }) => /^KONSUL_(CA|CLIENT)_/.test(name));
  const environment = Object.fromEntries(own.map(({ name, value = "" }) => [name, value]));
  for (const probe of [container.startupProbe, container.readinessProbe, container.livenessProbe]) {
    const [program, ...words] = probe.exec?.command ?? [];
    expect(program).toBe("konsul");
    while ((await konsul(words, { environment })).code !== 0) await Bun.sleep(50);
  }
  const bare = { KONSUL_CA_CERT: join(certificates, "ca.crt") };
  const named = `--tls-server-name=${NAME}`;
  const refused = await konsul(["health", "--live", named], { url, environment: bare });
  expect([refused.code, refused.problems]).toEqual([1, expect.not.stringContaining("is not trusted")]);
  const unnamed = await konsul(["health", "--live"], { url, environment });
  expect([unnamed.code, unnamed.problems]).toEqual([1, expect.stringContaining("or that name with --tls-server-name")]);
  const flags = job.env.find(({ name }) => name === "FLAGS")?.value?.split(" ") ?? [];
  expect((await konsul(["cluster", "peers", named, ...flags], { url })).problems).toBe("");
}, 60_000);
