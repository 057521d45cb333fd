/**
 * Loaded before the program of every process that the sandbox starts (`node --import`): ends it when the
 * sandbox is gone, whatever ended that. The sandbox holds the other end of a pipe on descriptor 3 and never
 * writes to it; the system closes it even when the sandbox is killed.
 */
const { Socket } = process.getBuiltinModule('node:net');

const leash = new Socket({ fd: 3, readable: true, writable: false });
leash.on('error', () => process.exit(137));
leash.on('close', () => process.exit(137));
leash.resume();
// A program that has nothing left to do may end although the sandbox still lives.
leash.unref();
