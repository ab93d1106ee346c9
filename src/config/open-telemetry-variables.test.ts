import { describe, expect, test } from "bun:test";
import type { Config } from "./config.ts";
import { loadConfig } from "./load-config.ts";
import { redact } from "./redact.ts";

function tracing(environment: Record<string, string>, flags: Record<string, string> = {}): Config["tracing"] | string {
  const given = new Map(Object.entries(flags).map(([name, text]) => [name, [text]]));
  const loaded = loadConfig({ flags: given, environment });
  return loaded.ok
    ? loaded.value.tracing
    : loaded.error.map(({ source, message }) => `${source}: ${message}`).join("\n");
}

const STANDARD = "http://127.0.0.1:4318/v1/traces";

describe("OpenTelemetry's variables", () => {
  test("switch tracing on and off, where our own settings are silent", () => {
    const enabled = (environment: Record<string, string>, flags = {}): unknown =>
      Object(tracing(environment, flags)).isEnabled;
    expect(enabled({})).toBe(false);
    expect(enabled({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" })).toBe(false);
    expect(enabled({ OTEL_TRACES_EXPORTER: "console,otlp" })).toBe(true);
    expect(enabled({ OTEL_TRACES_EXPORTER: "none" })).toBe(false);
    expect(enabled({ OTEL_TRACES_EXPORTER: "otlp", OTEL_SDK_DISABLED: "true" })).toBe(false);
    expect(enabled({ OTEL_TRACES_EXPORTER: "otlp" }, { "tracing-enabled": "false" })).toBe(false);
    expect(enabled({ OTEL_SDK_DISABLED: "true", KONSUL_TRACING_ENABLED: "true" })).toBe(true);
  });

  test("name the collector: the traces' own address as it is, the common one with the path behind it", () => {
    const on = { OTEL_TRACES_EXPORTER: "otlp" };
    const common = { ...on, OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/" };
    expect(tracing(on)).toEqual({ isEnabled: true, endpoint: STANDARD, sampleRatio: 1 });
    expect(tracing(common)).toMatchObject({ endpoint: "http://collector:4318/v1/traces" });
    expect(tracing({ ...common, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://c/t" })).toMatchObject({
      endpoint: "https://c/t",
    });
    expect(tracing(common, { "tracing-endpoint": "http://own/t" })).toMatchObject({ endpoint: "http://own/t" });
  });

  test("choose the share of traces", () => {
    const ratio = (sampler: string, share = ""): unknown => {
      const found = tracing({
        OTEL_TRACES_EXPORTER: "otlp",
        OTEL_TRACES_SAMPLER: sampler,
        OTEL_TRACES_SAMPLER_ARG: share,
      });
      return typeof found === "string" ? found : found.sampleRatio;
    };
    expect([ratio("always_on"), ratio("parentbased_always_off"), ratio("traceidratio", "0.25")]).toEqual([1, 0, 0.25]);
    expect(ratio("parentbased_traceidratio")).toBe(1);
    expect(ratio("jaeger_remote")).toBe(
      'OTEL_TRACES_SAMPLER: must be a number from 0 to 1: current value is "jaeger_remote"',
    );
    expect(ratio("traceidratio", "2")).toContain("OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1");
    expect(tracing({ OTEL_TRACES_SAMPLER: "jaeger_remote" })).toMatchObject({ isEnabled: false });
  });

  test("an endpoint that is no URL is a mistake, and its password is never shown", () => {
    const wrong = tracing({}, { "tracing-enabled": "true", "tracing-endpoint": "collector:4317" });
    expect(wrong).toContain("--tracing-endpoint: must be a URL of OTLP/HTTP");
    const shown = (endpoint: string): string => {
      const loaded = loadConfig({ flags: new Map([["tracing-endpoint", [endpoint]]]), environment: {} });
      return loaded.ok ? redact(loaded.value).tracing.endpoint : "";
    };
    expect(shown("https://me:pw@c/t?key=abc")).toBe("https://(secret)@c/t?(secret)");
    // URLs are read up to the last @ that can stand in front of the host.
    expect(shown("https://me:p@ss@c/t#key=abc")).toBe("https://(secret)@c/t#(secret)");
    expect(tracing({}, { "tracing-enabled": "true", "tracing-endpoint": "https://me:p/w@c/t" })).toContain(
      'current value is "https://(secret)@c/t"',
    );
  });
});
