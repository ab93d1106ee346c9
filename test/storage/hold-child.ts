import { writeSync } from "node:fs";
import { openLogStore } from "../../src/storage/index.ts";
import { BOOT } from "./log-model.ts";

// Opens the store of a data folder, says what came of it, and stays.
const opened = await openLogStore({ dataDir: process.argv[2] ?? "", boot: BOOT });
writeSync(1, `${opened.kind}\n`);
setInterval(() => undefined, 1000);
