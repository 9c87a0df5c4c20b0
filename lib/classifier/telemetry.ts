/** Keeps ONNX Runtime from telling anybody anything. */
import process from 'node:process';

/**
 * From 1.29 on ONNX Runtime's released builds leave a device identifier in the user's cache folder and send events to their
 * maker. It reads this variable once, in the process's own environment: that of a worker thread is a copy, so the main
 * thread must have set it before the first session of any thread.
 */
export function withoutTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY = '1';
}
