import { expect, test } from "bun:test";
import { scanWal } from "./wal-scan.ts";

const PAGE_BYTES = 2048;
const FRAME_BYTES = 24 + PAGE_BYTES;
const FRAMES = 60;
/** The head of this frame lies across two sectors of 512 bytes, its mark of a commit in the first and its salts in the second. */
const APART = 41;
const SALTS = [7, 8] as const;

/** A WAL with a good header whose frames are not valid, all of them with other salts than its own but those named. */
function walWith(frames: ReadonlyMap<number, { readonly isCommit: boolean }>): Uint8Array {
  const bytes = new Uint8Array(32 + FRAMES * FRAME_BYTES);
  const view = new DataView(bytes.buffer);
  [0x377f0682, 3_007_000, PAGE_BYTES, 0, ...SALTS].forEach((word, at) => view.setUint32(4 * at, word));
  let [s0, s1] = [0, 0];
  for (let at = 0; at < 24; at += 8) {
    s0 = (s0 + view.getUint32(at, true) + s1) >>> 0;
    s1 = (s1 + view.getUint32(at + 4, true) + s0) >>> 0;
  }
  view.setUint32(24, s0);
  view.setUint32(28, s1);
  for (const [frame, { isCommit }] of frames) {
    const at = 32 + frame * FRAME_BYTES;
    [1, Number(isCommit), ...SALTS].forEach((word, place) => view.setUint32(at + 4 * place, word));
  }
  return bytes;
}

test("a frame behind a commit that was written before it is damage", () => {
  const commit = { isCommit: true };
  expect(
    scanWal(
      walWith(
        new Map([
          [40, commit],
          [50, commit],
        ]),
      ),
    ).kind,
  ).toBe("corrupt");
  expect(
    scanWal(
      walWith(
        new Map([
          [APART + 1, commit],
          [50, commit],
        ]),
      ),
    ).kind,
  ).toBe("corrupt");
  expect(scanWal(walWith(new Map([[50, commit]]))).kind).toBe("torn");
});

test("a mark of a commit that is in another sector than its salts proves nothing", () => {
  expect((32 + APART * FRAME_BYTES + 8) % 512).toBe(0);
  const commit = { isCommit: true };
  expect(
    scanWal(
      walWith(
        new Map([
          [APART, commit],
          [50, commit],
        ]),
      ),
    ).kind,
  ).toBe("torn");
  expect(
    scanWal(
      walWith(
        new Map([
          [APART, commit],
          [45, commit],
          [50, commit],
        ]),
      ),
    ).kind,
  ).toBe("corrupt");
});
