/*
 * AVX-VNNI's `vpdpbusd` and `vpdpbusds` for a processor with AVX2 only: each is an illegal instruction there, and the handler
 * of that signal carries it out. Loaded before onnxruntime by `vnni.ts`. Prints at the end how many it carried out.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

static unsigned long count;

static const int GENERAL[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

/* Vector registers in the saved state: lower halves where FXSAVE has them, upper halves where XSAVE has AVX's. */
static uint8_t *lower(ucontext_t *c, int at) { return (uint8_t *)c->uc_mcontext.fpregs + 160 + 16 * at; }
static uint8_t *upper(ucontext_t *c, int at) { return (uint8_t *)c->uc_mcontext.fpregs + 576 + 16 * at; }

static void load(ucontext_t *c, int at, void *to) {
  memcpy(to, lower(c, at), 16);
  memcpy((uint8_t *)to + 16, upper(c, at), 16);
}

static int32_t displacement(const uint8_t **at) {
  int32_t value;
  memcpy(&value, *at, 4);
  *at += 4;
  return value;
}

/* Address of a memory operand; `*at` stands behind the ModRM byte, and behind the operand afterwards. */
static uint64_t address(const greg_t *g, int mode, int rm, int x, int b, const uint8_t **at) {
  uint64_t sum = 0;
  int relative = 0;
  if (rm == 4) {
    uint8_t sib = *(*at)++;
    int index = ((sib >> 3) & 7) | x << 3, base = (sib & 7) | b << 3;
    if (index != 4) sum += (uint64_t)g[GENERAL[index]] << (sib >> 6);
    sum += (sib & 7) == 5 && mode == 0 ? (uint64_t)(int64_t)displacement(at) : (uint64_t)g[GENERAL[base]];
  } else if (rm == 5 && mode == 0) {
    sum = (uint64_t)(int64_t)displacement(at);
    relative = 1;
  } else {
    sum = g[GENERAL[rm | b << 3]];
  }
  if (mode == 1) sum += (int64_t)*(const int8_t *)(*at)++;
  if (mode == 2) sum += (int64_t)displacement(at);
  return relative ? sum + (uint64_t)*at : sum;
}

/* Carries out the instruction the context stands at, when it is one of the two. */
static int carry_out(ucontext_t *c) {
  greg_t *g = c->uc_mcontext.gregs;
  const uint8_t *p = (const uint8_t *)g[REG_RIP];
  /* VEX of three bytes, map 0F38, prefix 66, W0. */
  if (p[0] != 0xc4 || (p[1] & 0x1f) != 2 || (p[2] & 0x83) != 1 || (p[3] != 0x50 && p[3] != 0x51)) return 0;
  int r = !(p[1] & 0x80), x = !(p[1] & 0x40), b = !(p[1] & 0x20), wide = (p[2] >> 2) & 1;
  int target = ((p[4] >> 3) & 7) | r << 3, mode = p[4] >> 6, rm = p[4] & 7;
  const uint8_t *at = p + 5;
  uint64_t *valid = (uint64_t *)((uint8_t *)c->uc_mcontext.fpregs + 512);
  if (!(*valid & 4)) memset(upper(c, 0), 0, 256);
  if (!(*valid & 2)) memset(lower(c, 0), 0, 256);
  *valid |= 6;

  int32_t sums[8];
  uint8_t factors[32];
  int8_t weights[32];
  load(c, target, sums);
  load(c, ~(p[2] >> 3) & 15, factors);
  if (mode == 3) load(c, rm | b << 3, weights);
  else memcpy(weights, (const void *)address(g, mode, rm, x, b, &at), wide ? 32 : 16);
  for (int i = 0; i < (wide ? 8 : 4); i++) {
    int64_t sum = sums[i];
    for (int k = 4 * i; k < 4 * i + 4; k++) sum += factors[k] * weights[k];
    if (p[3] == 0x51) sum = sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : sum;
    sums[i] = (int32_t)sum;
  }
  memcpy(lower(c, target), sums, 16);
  if (wide) memcpy(upper(c, target), sums + 4, 16);
  else memset(upper(c, target), 0, 16);
  g[REG_RIP] = (greg_t)at;
  count++;
  return 1;
}

static void handle(int signal, siginfo_t *info, void *context) {
  (void)info;
  if (!carry_out(context)) {
    static const char text[] = "an illegal instruction of another kind\n";
    (void)!write(2, text, sizeof text - 1);
    _exit(128 + signal);
  }
  /* The next one is often of the same kind: that spares a signal. */
  while (carry_out(context)) {
  }
}

static void say(void) { fprintf(stderr, "carried out %lu\n", count); }

__attribute__((constructor)) static void begin(void) {
  struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
  sigaction(SIGILL, &action, NULL);
  atexit(say);
}
