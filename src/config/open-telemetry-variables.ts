import type { Written } from "./written.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What OpenTelemetry's standard variables say about settings that were not written in our own way. Machines often carry
 * such variables for other programs: only while tracing is on does any but the switches count.
 */
export function openTelemetryVariables(
  environment: Environment,
  values: ReadonlyMap<string, Written>,
): ReadonlyMap<string, Written> {
  const found = new Map<string, Written>();
  const add = (key: string, written: Written | undefined): void => {
    if (written !== undefined && !values.has(key)) found.set(key, written);
  };
  add("tracing.enabled", enabled(environment));
  const isEnabled = (values.get("tracing.enabled") ?? found.get("tracing.enabled"))?.text === "true";
  if (!isEnabled) return found;
  add("tracing.endpoint", endpoint(environment));
  add("tracing.sample_ratio", sampleRatio(environment));
  return found;
}

function read(environment: Environment, name: string): Written | undefined {
  const text = environment[name]?.trim() ?? "";
  return text === "" ? undefined : { text, source: name };
}

function enabled(environment: Environment): Written | undefined {
  const disabled = read(environment, "OTEL_SDK_DISABLED");
  if (disabled?.text.toLowerCase() === "true") return { ...disabled, text: "false" };
  const exporter = read(environment, "OTEL_TRACES_EXPORTER");
  const isOtlp = exporter?.text.split(",").some((name) => name.trim() === "otlp") === true;
  return exporter === undefined ? undefined : { ...exporter, text: String(isOtlp) };
}

function endpoint(environment: Environment): Written | undefined {
  const base = read(environment, "OTEL_EXPORTER_OTLP_ENDPOINT");
  return (
    read(environment, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") ??
    (base === undefined ? undefined : { ...base, text: `${base.text.replace(/\/$/, "")}/v1/traces` })
  );
}

function sampleRatio(environment: Environment): Written | undefined {
  const sampler = read(environment, "OTEL_TRACES_SAMPLER");
  if (sampler === undefined) return undefined;
  const kind = sampler.text.replace(/^parentbased_/, "");
  if (kind === "always_on") return { ...sampler, text: "1" };
  if (kind === "always_off") return { ...sampler, text: "0" };
  // Any other sampler is a mistake in the words of the ratio.
  return kind === "traceidratio" ? read(environment, "OTEL_TRACES_SAMPLER_ARG") : sampler;
}
