/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef CLIENT_H
#define CLIENT_H

/**
 * @file
 * The client of the tests: it sends messages as they should be, or should not be, and runs the
 * event loop while it waits for answers. Waiting is bounded by the number of rounds of the loop,
 * each with a time limit that only a failing test reaches.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mock_device.h"
#include "mock_pci.h"
#include "vfu_private.h"
#include "vn_vfio_user.h"

#define CL_MEM_SIZE (1u << 20)
#define CL_VECTORS  64
/** What cl_recv() returns when the server has closed the connection. */
#define CL_CLOSED (-10000)

struct cl {
	struct vn_loop *loop;
	struct vn_gm_registry *gm;
	struct vn_device dev;
	struct vn_endpoint *ep;
	char dir[32];
	char path[64];
	int fd; /* our end; -1: none */
	int memfd;
	unsigned int fds_before;
	uint16_t id;
	int got_fd; /* came with the last reply; -1: none */
};

/** cmocka's setup and teardown. The second one with a doorbell page. */
int cl_setup(void **state);
int cl_setup_doorbell(void **state);
/** Fails if a descriptor, a mapping or a callback was left over. */
int cl_teardown(void **state);

unsigned int cl_open_fds(void);
int cl_eventfd(void);
/** Events that came on an eventfd; 0: none. */
uint64_t cl_events(int fd);
int cl_memfd(uint64_t size);

int cl_plug(struct cl *cl, const struct vn_endpoint_conf *conf, char *err, size_t errlen);
void cl_unplug(struct cl *cl);
struct vn_endpoint_info cl_info(const struct cl *cl);
void cl_until(struct cl *cl, const unsigned int *value, unsigned int want);
void cl_drain(struct cl *cl);
int cl_dial(const struct cl *cl);
void cl_connect(struct cl *cl);
/** Connect and agree on a version. */
void cl_start(struct cl *cl);
void cl_disconnect(struct cl *cl);

void cl_send_raw(struct cl *cl, const void *data, size_t len, const int *fds, unsigned int n);
void cl_send(struct cl *cl, uint16_t command, uint32_t flags, const void *payload, uint32_t len,
	const int *fds, unsigned int n);
/** The next reply, to the message @p id. @return payload's length; -errno; CL_CLOSED. */
int cl_recv_id(struct cl *cl, uint16_t command, uint16_t id, void *payload, uint32_t room);
/** The reply to the last message. */
int cl_recv(struct cl *cl, uint16_t command, void *payload, uint32_t room);
int cl_call(struct cl *cl, uint16_t command, const void *payload, uint32_t len, const int *fds,
	unsigned int n, void *reply, uint32_t room);
void cl_assert_silent(struct cl *cl);
/** The server closes the connection, and counts an error. */
void cl_assert_closed(struct cl *cl);

int cl_version(struct cl *cl, uint16_t major, uint16_t minor, const char *json, char *reply,
	uint32_t room);
int cl_map(struct cl *cl, uint64_t address, uint64_t size, uint64_t offset, int fd);
int cl_unmap(struct cl *cl, uint64_t address, uint64_t size, uint32_t flags);
int cl_read(struct cl *cl, uint32_t region, uint64_t offset, void *data, uint32_t len);
int cl_write(struct cl *cl, uint32_t region, uint64_t offset, const void *data, uint32_t len);
int cl_irqs(struct cl *cl, uint32_t flags, uint32_t index, uint32_t start, uint32_t count,
	const int *fds, unsigned int n);

#endif /* CLIENT_H */
