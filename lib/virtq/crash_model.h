/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef CRASH_MODEL_H
#define CRASH_MODEL_H

/**
 * @file
 * Test code: all states of shared memory that a piece of code goes through.
 *
 * Shared memory is made read-only, so that each store faults; then it is made writable for this one
 * instruction (the processor's trap flag), and what it left is kept as an image. So what is tested
 * is the order of the stores of the machine code, and none can be forgotten.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__x86_64__)
#define CRASH_MODEL_WORKS 1
#else
#define CRASH_MODEL_WORKS 0
#endif

/* Shared memory: a page of buffers, one of rings and tables, and one of the black box. */
#define CM_PAGE   4096u
#define CM_GUEST  (2 * CM_PAGE)
#define CM_ALL    (3 * CM_PAGE)
#define CM_RECORD 128u
#define CM_IMAGES 1024u

struct cm_image {
	uint8_t guest[CM_GUEST];
	uint8_t record[CM_RECORD];
};

static struct {
	uint8_t *guest;  /* what the engine writes to */
	uint8_t *record; /* on the page after that */
	bool buffers;    /* stores into buffers count, too */
	struct cm_image *image;
	unsigned int n;
	volatile bool on;
} cm;

static inline void
cm_protect(int prot)
{
	if (cm.buffers)
		mprotect(cm.guest, CM_ALL, prot);
	else
		mprotect(cm.guest + CM_PAGE, CM_ALL - CM_PAGE, prot);
}

static inline void
cm_take(struct cm_image *to)
{
	memcpy(to->guest, cm.guest, CM_GUEST);
	memcpy(to->record, cm.record, CM_RECORD);
}

static inline void
cm_put(const struct cm_image *from)
{
	memcpy(cm.guest, from->guest, CM_GUEST);
	memcpy(cm.record, from->record, CM_RECORD);
}

static void
cm_set_trap(void *uc, bool on)
{
#if CRASH_MODEL_WORKS
	greg_t *flags = &((ucontext_t *)uc)->uc_mcontext.gregs[REG_EFL];

	*flags = on ? *flags | 0x100 : *flags & ~0x100;
#else
	(void)uc;
	(void)on;
#endif
}

static void
cm_on_fault(int sig, siginfo_t *info, void *uc)
{
	const uint8_t *at = info->si_addr;

	if (!cm.on || (size_t)(at - cm.guest) >= CM_ALL) {
		/* Not ours: the next time it is fatal. */
		signal(sig, SIG_DFL);
		return;
	}
	cm_protect(PROT_READ | PROT_WRITE);
	cm_set_trap(uc, true);
}

static void
cm_on_trap(int sig, siginfo_t *info, void *uc)
{
	const struct cm_image *last = &cm.image[cm.n - 1];

	(void)sig;
	(void)info;
	cm_set_trap(uc, false);
	/* A store of what was there makes no new state. */
	if (memcmp(last->guest, cm.guest, CM_GUEST) != 0 ||
		memcmp(last->record, cm.record, CM_RECORD) != 0) {
		if (cm.n == CM_IMAGES)
			abort();
		cm_take(&cm.image[cm.n++]);
	}
	cm_protect(PROT_READ);
}

/*
 * From here to cm_end(), cm.image[] collects the states; the first is the present one. @p buffers:
 * also those between which only buffers differ.
 */
static inline void
cm_begin(bool buffers)
{
	cm.buffers = buffers;
	cm.n = 0;
	cm_take(&cm.image[cm.n++]);
	cm.on = true;
	cm_protect(PROT_READ);
}

static inline void
cm_end(void)
{
	cm_protect(PROT_READ | PROT_WRITE);
	cm.on = false;
}

static inline void
cm_init(uint8_t *all)
{
	const struct sigaction fault = {.sa_sigaction = cm_on_fault, .sa_flags = SA_SIGINFO};
	const struct sigaction trap = {.sa_sigaction = cm_on_trap, .sa_flags = SA_SIGINFO};

	cm.guest = all;
	cm.record = all + CM_GUEST;
	cm.image = malloc(CM_IMAGES * sizeof(*cm.image));
	assert_non_null(cm.image);
	assert_int_equal(sigaction(SIGSEGV, &fault, NULL), 0);
	assert_int_equal(sigaction(SIGTRAP, &trap, NULL), 0);
}

static inline void
cm_fini(void)
{
	signal(SIGSEGV, SIG_DFL);
	signal(SIGTRAP, SIG_DFL);
	free(cm.image);
}

#endif /* CRASH_MODEL_H */
