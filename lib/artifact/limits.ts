/**
 * What one artifact may cost. Every limit is in bytes or counts, never in time, so that a verdict does not
 * depend on the machine. The largest honest packages seen set the scale: `@mui/icons-material` has 33,000
 * files, `onnxruntime-node` unpacks to 288 MB.
 */
export const LIMITS = {
  /** Archive as served. */
  compressedBytes: 1024 * 1024 * 1024,
  /** All files together. */
  unpackedBytes: 1024 * 1024 * 1024,
  /** Unpacked bytes per archive byte; checked only above `ratioFloorBytes`. */
  ratio: 250,
  ratioFloorBytes: 100 * 1024 * 1024,
  entries: 100_000,
  /** UTF-8 bytes of a path, as Linux limits it. */
  pathBytes: 4096,
  segmentBytes: 255,
  depth: 128,
  /** A zip member above this that is not code is kept as its first `headBytes`: enough to name its kind. */
  wholeFileBytes: 64 * 1024 * 1024,
  headBytes: 1024 * 1024,
  /** Manifests (package.json, METADATA, setup.cfg…) beyond this are not read. */
  manifestBytes: 8 * 1024 * 1024,
  entryPoints: 2000,
} as const;
