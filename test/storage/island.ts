import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dlopen, FFIType, ptr } from "bun:ffi";

/** `_IOR('X', 125, __u32)` with flag 2: the file system stops at once, its journal is not flushed. */
const EXT4_IOC_SHUTDOWN = 0x8004587d;
const NO_LOG_FLUSH = 2;

/** A file system of its own that can lose its power. */
export class Island {
  readonly mount: string;
  readonly #dir: string;
  readonly #image: string;

  /** `below`: a folder that is there; the file with the file system goes into it. */
  constructor(below = tmpdir()) {
    this.#dir = mkdtempSync(join(below, "konsul-power-"));
    this.mount = join(this.#dir, "mount");
    this.#image = join(this.#dir, "image");
  }

  static isPossible(): boolean {
    if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
    const island = new Island();
    const isMounted = island.create();
    island.destroy();
    return isMounted;
  }

  create(): boolean {
    mkdirSync(this.mount);
    return run("truncate", "-s", "96M", this.#image) && run("mkfs.ext4", "-q", "-F", this.#image) && this.#mountImage();
  }

  /**
   * From a copy of the image: whoever made a mount namespace meanwhile holds the file system that was cut, and the kernel
   * would give that one back.
   */
  mountAgain(): boolean {
    const copy = `${this.#image}.copy`;
    return run("cp", "--sparse=always", this.#image, copy) && run("mv", copy, this.#image) && this.#mountImage();
  }

  #mountImage(): boolean {
    return run("mount", "-o", "loop", this.#image, this.mount);
  }

  unmount(): boolean {
    return run("umount", this.mount);
  }

  cut(): void {
    const libc = dlopen("libc.so.6", {
      ioctl: { args: [FFIType.i32, FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
    });
    const fd = openSync(this.mount, "r");
    const flags = new Uint32Array([NO_LOG_FLUSH]);
    const code = libc.symbols.ioctl(fd, EXT4_IOC_SHUTDOWN, ptr(flags));
    if (code !== 0) throw new Error(`the file system cannot be shut down: ${code}`);
    closeSync(fd);
    libc.close();
  }

  destroy(): void {
    this.unmount();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

function run(...command: readonly string[]): boolean {
  if (Bun.which(command[0] ?? "") === null) return false;
  return Bun.spawnSync([...command], { stdout: "ignore", stderr: "ignore" }).exitCode === 0;
}
