import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "bun:test";
import { parseAllDocuments } from "yaml";
import { loadConfig, SETTINGS, variableOf } from "../src/config/index.ts";
import { helm } from "./helm.ts";

const TOP = join(import.meta.dir, "..");
const CHART = join(TOP, "deploy", "helm", "konsul");

/** Every optional part, and each size. */
const VARIANTS: readonly (readonly string[])[] = [
  [],
  ["replicas=1", "antiAffinity=none", "podDisruptionBudget.enabled=false"],
  [
    "replicas=5",
    "antiAffinity=required",
    "service.type=ClusterIP",
    "persistence.storageClass=fast",
    "updateStrategy=OnDelete",
  ],
  ["replicas=7", "tls.peers.enabled=true", "tls.peers.secret=peers", "tls.api.enabled=true", "tls.api.secret=api"],
  ["serviceMonitor.enabled=true", "serviceMonitor.tokenSecret.name=metrics", "prometheusRule.enabled=true"],
  [
    "scaleDown.enabled=true",
    "scaleDown.tokenSecret.name=admin",
    "replicas=3",
    "tls.api.enabled=true",
    "tls.api.secret=api",
  ],
  ["scaleDown.enabled=true", "acl.enabled=false", "insecure=true", "imagePullSecrets[0].name=pull"],
  [
    "tls.api.enabled=true",
    "tls.api.secret=api",
    "tls.api.requireClientCertificate=true",
    "scaleDown.enabled=true",
    "scaleDown.tokenSecret.name=admin",
    "serviceMonitor.enabled=true",
  ],
  ["joinToken.existingSecret=mine", "joinToken.key=secret", "insecure=true", "acl.enabled=false"],
  ["joinToken.value=abc", "nodeSelector.disk=ssd", "podAnnotations.a=b", "service.annotations.c=d"],
  ["extraEnvironment.KONSUL_SERVICE_TTL=30s", "imagePullSecrets[0].name=pull", "tolerations[0].operator=Exists"],
];

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly replicas?: number;
    readonly podManagementPolicy?: string;
    readonly publishNotReadyAddresses?: boolean;
    readonly groups?: unknown;
    readonly endpoints?: readonly [{ readonly relabelings: unknown }];
    readonly template?: {
      readonly spec: {
        readonly enableServiceLinks?: boolean;
        readonly initContainers: readonly [{ readonly args: readonly [string] }];
        readonly containers: readonly [{ readonly env: readonly Named[] }];
      };
    };
  };
}

interface Named {
  readonly name: string;
}

function run(words: readonly string[]): { readonly code: number; readonly out: string; readonly problems: string } {
  const child = Bun.spawnSync([helm(), ...words], { stdout: "pipe", stderr: "pipe" });
  return { code: child.exitCode, out: child.stdout.toString(), problems: child.stderr.toString() };
}

function flagsOf(values: readonly string[]): readonly string[] {
  return values.flatMap((value) => ["--set", value]);
}

function toManifest(json: string): Manifest {
  const manifest: Manifest = JSON.parse(json);
  return manifest;
}

function render(values: readonly string[]): readonly Manifest[] {
  const { code, out, problems } = run(["template", "k", CHART, "--namespace", "ns", ...flagsOf(values)]);
  expect([code, problems]).toEqual([0, ""]);
  return parseAllDocuments(out)
    .filter((document) => document.contents !== null)
    .map((document) => toManifest(JSON.stringify(document)));
}

const pick = (manifests: readonly Manifest[], kind: string): readonly Manifest[] =>
  manifests.filter((one) => one.kind === kind);

/** On a fresh machine it is fetched first. */
const FETCH_MS_MAX = 300_000;

beforeAll(() => void helm(), FETCH_MS_MAX);

describe("the Helm chart", () => {
  test("is accepted by helm lint in every variant", () => {
    for (const values of VARIANTS) {
      const { code, out } = run(["lint", "--strict", CHART, ...flagsOf(values)]);
      expect([values, code, code === 0 ? "" : out]).toEqual([values, 0, ""]);
    }
  }, 120_000);

  test("gives objects that Kubernetes' own types accept, with no field that they do not know", () => {
    const folder = mkdtempSync(join(tmpdir(), "konsul-chart-"));
    symlinkSync(join(TOP, "node_modules"), join(folder, "node_modules"));
    // Excess properties of literals are errors, at every depth: the compiler is the judge of unknown fields.
    const judge = (manifests: readonly Manifest[]): string => {
      const file = manifests.map(({ apiVersion, kind, ...rest }, at) => {
        const group = apiVersion.startsWith("monitoring.coreos.com/")
          ? `@kubernetes-models/prometheus-operator/${apiVersion}`
          : `kubernetes-models/${apiVersion}`;
        const object = JSON.stringify({ apiVersion, kind, ...rest });
        return `import type { I${kind} as T${at} } from "${group}";\nexport const o${at}: T${at} = ${object};`;
      });
      writeFileSync(join(folder, "objects.ts"), file.join("\n"));
      const flags = ["--noEmit", "--strict", "--skipLibCheck", "--module", "preserve", "--types", ""];
      const tsc = join(TOP, "node_modules", ".bin", "tsc");
      const child = Bun.spawnSync([tsc, ...flags, "objects.ts"], { cwd: folder, stdout: "pipe" });
      return child.exitCode === 0 ? "" : child.stdout.toString();
    };
    try {
      const all = VARIANTS.flatMap(render);
      expect(new Set(all.map(({ kind }) => kind))).toEqual(
        new Set([
          "ConfigMap",
          "Secret",
          "Service",
          "StatefulSet",
          "PodDisruptionBudget",
          "ServiceMonitor",
          "PrometheusRule",
          "Job",
        ]),
      );
      expect(judge(all)).toBe("");
      const [set] = pick(render([]), "StatefulSet");
      const damaged = JSON.stringify(set).replace('"containerPort":8888', '"containerPort":8888,"hostname":"x"');
      expect(judge([toManifest(damaged)])).toContain("hostname");
      const mistyped = JSON.stringify(set).replace('"replicas":3', '"replicas":"3"');
      expect(judge([toManifest(mistyped)])).toContain("number");
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 120_000);

  test("sets only settings that there are, and ones that fit together", () => {
    const forCommands = ["KONSUL_HTTP_ADDR", "KONSUL_CA_CERT", "KONSUL_CLIENT_CERT", "KONSUL_CLIENT_KEY"];
    const known = new Set([...SETTINGS.map(variableOf), ...forCommands]);
    for (const values of VARIANTS) {
      const manifests = render(values);
      const [config] = pick(manifests, "ConfigMap");
      const [set] = pick(manifests, "StatefulSet");
      const own = set?.spec?.template?.spec.containers[0].env.map(({ name }) => name) ?? [];
      const environment = { ...config?.data };
      expect([...Object.keys(environment), ...own].filter((name) => !known.has(name))).toEqual([]);
      const addresses = environment["KONSUL_RAFT_JOIN_ADDRESSES"]?.split(",") ?? [];
      expect(addresses).toHaveLength(set?.spec?.replicas ?? 0);
      // What the pods have, the machine of this test has not: files, and their own names.
      const here = Object.entries(environment).filter(([name]) => !name.includes("TLS") && !name.includes("_FILE"));
      const given = {
        ...Object.fromEntries(here),
        KONSUL_RAFT_JOIN_TOKEN: "token",
        KONSUL_RAFT_NODE_ID: "k-0",
        KONSUL_RAFT_ADVERTISE_ADDR: addresses[0] ?? "",
        KONSUL_HTTP_ADVERTISE_ADDR: "k-0.k-peers.ns.svc:8888",
      };
      const loaded = loadConfig({ flags: new Map(), environment: given });
      expect([values, loaded.ok ? [] : loaded.error]).toEqual([values, []]);
    }
  });

  test("keeps variables that Kubernetes makes of services away from the agent", () => {
    expect(pick(render([]), "StatefulSet")[0]?.spec?.template?.spec.enableServiceLinks).toBe(false);
  });

  test("lets a cluster form: all pods at once, known to each other before they are ready", () => {
    const manifests = render([]);
    expect(pick(manifests, "StatefulSet")[0]?.spec?.podManagementPolicy).toBe("Parallel");
    expect(pick(manifests, "Service")[0]?.spec?.publishNotReadyAddresses).toBe(true);
  });

  test("has an init container that says in words what is missing", () => {
    const folder = mkdtempSync(join(tmpdir(), "konsul-init-"));
    const [set] = pick(render([]), "StatefulSet");
    const script = (set?.spec?.template?.spec.initContainers[0].args[0] ?? "").replaceAll(
      "/data",
      join(folder, "data"),
    );
    const prepare = (more: Readonly<Record<string, string>>): readonly [code: number, said: string] => {
      const env = { PATH: process.env["PATH"] ?? "", KONSUL_RAFT_JOIN_TOKEN_FILE: join(folder, "token"), ...more };
      const child = Bun.spawnSync(["sh", "-c", script], { env, stderr: "pipe" });
      return [child.exitCode, child.stderr.toString()];
    };
    try {
      mkdirSync(join(folder, "data"));
      writeFileSync(join(folder, "token"), "");
      expect(prepare({})).toEqual([1, "the secret of the join token has nothing under its key\n"]);
      writeFileSync(join(folder, "token"), "token");
      expect(prepare({})).toEqual([0, ""]);
      expect(statSync(join(folder, "data", "konsul")).mode & 0o777).toBe(0o700);
      const file = join(folder, "tls.crt");
      for (const name of ["KONSUL_RAFT_TLS_CA_FILE", "KONSUL_TLS_CA_FILE", "KONSUL_TLS_CERT_FILE"]) {
        expect(prepare({ [name]: file })).toEqual([1, `there is no ${file}: check the secret with the certificates\n`]);
      }
      writeFileSync(file, "certificate");
      expect(prepare({ KONSUL_TLS_CERT_FILE: file })).toEqual([0, ""]);
      // A volume that is none.
      rmSync(join(folder, "data"), { recursive: true });
      writeFileSync(join(folder, "data"), "");
      expect(prepare({})).toEqual([1, expect.stringContaining("cannot be written by user")]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("is one job to Prometheus whose name begins with konsul, whatever the release is called", () => {
    const [monitor] = pick(render(["serviceMonitor.enabled=true"]), "ServiceMonitor");
    const [{ relabelings }] = monitor?.spec?.endpoints ?? [{ relabelings: [] }];
    expect(relabelings).toEqual([{ targetLabel: "job", replacement: "konsul-ns-k" }]);
  });

  test("refuses values that make no sense, and says which", () => {
    for (const [value, why] of [
      ["replicas=4", "replicas"],
      ["replica=3", "replica"],
      ["tls.peers.enabled=true", "secret"],
      ["service.type=Ingress", "type"],
      ["updateStrategy=Recreate", "updateStrategy"],
      ["extraEnvironment.PATH=x", "PATH"],
      ["persistence.size=many", "size"],
      ["scaleDown.enabled=true", "scaleDown.tokenSecret.name"],
      ["tls.api.requireClientCertificate=true", "enabled"],
      ["extraEnvironment.KONSUL_TLS_CLIENT_AUTH=require", "tls.api.requireClientCertificate"],
    ] as const) {
      const { code, problems } = run(["template", "k", CHART, "--set", value]);
      expect([value, code === 0]).toEqual([value, false]);
      expect(problems).toContain(why);
    }
  });

  test("has the alert rules of monitoring, word for word", () => {
    const rules = readFileSync(join(TOP, "monitoring", "prometheus", "raft-alerts.yaml"), "utf8");
    expect(readFileSync(join(CHART, "raft-alerts.yaml"), "utf8")).toBe(rules);
    expect(pick(render(["prometheusRule.enabled=true"]), "PrometheusRule")[0]?.spec?.groups).toBeDefined();
  });

  test("stops pods later than the agent gives up by itself", () => {
    const loaded = loadConfig({ flags: new Map(), environment: {} });
    const seconds = Number(
      /^terminationGracePeriodSeconds: (\d+)$/m.exec(readFileSync(join(CHART, "values.yaml"), "utf8"))?.[1],
    );
    expect(seconds * 1000).toBeGreaterThan(loaded.ok ? loaded.value.limits.shutdownTimeoutMs : Infinity);
  });
});
