/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * libFuzzer target: requests to the control socket, with the real command table against a fake
 * inventory. The input is a byte of options, then requests with a newline behind each.
 * ctl_seeds.py makes some for every command. Each request must be answered, at once or when the
 * controller is done, by one JSON object that is no longer than what clients were told.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_log.h>

#include "ctl_fake.h"
#include "ctl_private.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold, in every build. */
#define CHECK(cond)                                                                \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                   \
		}                                                                  \
	} while (0)

/* Long inputs find nothing that short ones do not. */
#define MAX_REQUESTS 16

static const char *const inventories[] = {"vf", "full", "hotplug", "none"};
static const int results[] = {0, VIRTNET_ERR_UNPLUG_NOT_READY, VIRTNET_ERR_NOT_HOTPLUG, -ENOMEM};
static struct fake *fakes[RTE_DIM(inventories)];
static struct vn_ctl ctl;

static void
clean_up(void)
{
	for (unsigned int i = 0; i < RTE_DIM(inventories); i++)
		fake_destroy(fakes[i]);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	FILE *nowhere = fopen("/dev/null", "w");

	(void)argc;
	(void)argv;
	if (nowhere != NULL)
		rte_openlog_stream(nowhere);
	for (unsigned int i = 0; i < RTE_DIM(inventories); i++)
		fakes[i] = fake_create(inventories[i]);
	atexit(clean_up);
	ctl.fd = -1;
	strcpy(ctl.version, "v1.2.3");
	TAILQ_INIT(&ctl.clients);
	TAILQ_INIT(&ctl.baselines);
	return 0;
}

static void
check_answer(const char *text)
{
	size_t len;
	json_t *doc;

	CHECK(text != NULL);
	len = strlen(text);
	CHECK(len <= VN_CTL_MAX_OUTPUT);
	doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	CHECK(json_is_object(doc) && json_object_size(doc) > 0);
	json_decref(doc);
}

static void
one_request(const uint8_t *data, size_t size, bool hold)
{
	struct ctl_pending *pending;
	/* In memory of its own size: reading behind it is seen. */
	char *request = malloc(size);
	char *answer;

	CHECK(request != NULL);
	memcpy(request, data, size);
	fake_op.hold = hold;
	answer = ctl_request(&ctl, request, size, &pending);
	free(request);
	if (pending == NULL) {
		check_answer(answer);
	} else {
		CHECK(answer == NULL && fake_op.hold);
		fake_release(); /* its client has gone */
	}
	free(answer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *const end = data + size;
	struct fake *f;
	uint8_t options;

	if (size == 0)
		return 0;
	options = *data++;
	f = fakes[options % RTE_DIM(inventories)];
	ctl.controller = &f->ctrl;
	ctl.pollers = &f->pollers;
	fake_op.result = results[(options >> 2) % RTE_DIM(results)];
	for (unsigned int i = 0; data < end && i < MAX_REQUESTS; i++) {
		const uint8_t *stop = memchr(data, '\n', (size_t)(end - data));

		if (stop == NULL)
			stop = end;
		if (stop > data)
			one_request(data, (size_t)(stop - data), (options & 0x10) != 0);
		data = stop + 1;
	}
	return 0;
}
