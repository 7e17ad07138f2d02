/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef PUMP_H
#define PUMP_H

/**
 * @file
 * A client that sends requests of all kinds without a pause, several at a time, and knows what the
 * answer to each must be: the registers of the function (mock_pci.h) tell when a request was lost,
 * executed twice or out of order. It never blocks; a wrong answer fails the test.
 */

#include <stdbool.h>
#include <stdint.h>

#include "mock_pci.h"
#include "vfu_proto.h"

/** Requests that wait for an answer, at most. */
#define PUMP_WINDOW 12
#define PUMP_MAPS   64
#define PUMP_EVENTS 8
#define PUMP_ROOM   256

/** An answer that is expected. */
struct pump_want {
	uint16_t id, command;
	int error; /* 0, or errno */
	uint32_t len;
	uint8_t data[PUMP_ROOM];
	int event; /* number of the eventfd that must have been written to; -1: none */
};

struct pump {
	int fd;
	uint64_t seed;
	uint16_t id;
	uint64_t sent, answered;
	struct pump_want want[PUMP_WINDOW];
	unsigned int first, n;
	uint8_t in[1024]; /* of an answer that has come in part */
	uint32_t got;

	/* What the server must have. */
	uint64_t hash;
	uint8_t isr;
	uint8_t mem[MOCK_MEM_LEN];
	bool mapped[PUMP_MAPS];
	int event[PUMP_EVENTS];
	uint64_t came[PUMP_EVENTS]; /* events read, and not accounted for yet */
	bool vector[PUMP_EVENTS];   /* event[i] is vector i */
	int memfd;
};

/** @p fd becomes the pump's. Sends VERSION. */
void pump_init(struct pump *p, int fd, uint64_t seed);
void pump_fini(struct pump *p);
/** Send another request if there is room, and check what has come. */
void pump_step(struct pump *p);
/** Only check what has come. */
void pump_drain(struct pump *p);
/** Ask for all registers and take all maps away; drain then. */
void pump_finish(struct pump *p);

#endif /* PUMP_H */
