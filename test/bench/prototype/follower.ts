// Takes batches over TCP, commits each, answers with the index behind it. Arguments: port, file.
import { createBatchReader } from "./frame.ts";
import { openEntryLog } from "./entry-log.ts";

const [, , port, file = ""] = process.argv;
const log = openEntryLog(file);

Bun.listen<{ read: (bytes: Buffer) => void }>({
  hostname: "127.0.0.1",
  port: Number(port),
  socket: {
    open: (socket) => {
      socket.data = {
        read: createBatchReader(({ first, entries }) => {
          log.append(first, entries);
          const answer = Buffer.allocUnsafe(4);
          answer.writeUInt32LE(first + entries.length);
          socket.write(answer);
        }),
      };
    },
    data: (socket, bytes) => socket.data.read(bytes),
  },
});
