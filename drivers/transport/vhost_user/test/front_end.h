/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#ifndef FRONT_END_H
#define FRONT_END_H

/**
 * @file
 * The front end of the tests: it sends messages as they should be, or should not be, and runs the
 * event loop while it waits for answers. Waiting is bounded by the number of rounds of the loop,
 * each with a time limit that only a failing test reaches.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mock_device.h"
#include "vn_vhost_user.h"
#include "vu_proto.h"

/** Guest memory of the tests. */
#define FE_MEM_SIZE (1u << 20)
#define FE_GPA      UINT64_C(0x100000)
#define FE_UVA      UINT64_C(0x7f0000000000)

#define FE_NEED_REPLY (VU_VERSION | VU_FLAG_NEED_REPLY)
/** What fe_recv() returns when the server has closed the connection. */
#define FE_CLOSED (-1)

struct fe {
	struct vn_loop *loop;
	struct vn_gm_registry *gm;
	struct vn_device dev;
	struct vn_endpoint *ep;
	char dir[32];
	char path[64];
	int fd; /* our end of the connection; -1: none */
	int memfd;
	unsigned int fds_before;
	uint64_t protocol;
};

/** cmocka's setup and teardown: device with 2 queue pairs, server, nobody connected. */
int fe_setup(void **state);
/** Fails if a descriptor, a mapping or a callback was left over. */
int fe_teardown(void **state);

unsigned int fe_open_fds(void);
int fe_eventfd(void);
int fe_memfd(uint64_t size);

void fe_plug(struct fe *fe, bool client);
void fe_unplug(struct fe *fe);
struct vn_endpoint_info fe_info(const struct fe *fe);
/** Run the loop until *value is at least @p want. Fails when that does not come. */
void fe_until(struct fe *fe, const unsigned int *value, unsigned int want);
void fe_until_connections(struct fe *fe, uint64_t want);
/** Run what is ready, and wait for the helper thread. */
void fe_drain(struct fe *fe);

/** A connection to the path, not yet accepted. */
int fe_dial(const struct fe *fe);
void fe_connect(struct fe *fe);
/** Close our end and wait until the device has been reset. */
void fe_disconnect(struct fe *fe);

/** Bytes as they are. */
void fe_send_raw(struct fe *fe, const void *data, size_t len, const int *fds, unsigned int n);
/** A message; header and payload in one piece. */
void fe_send(struct fe *fe, uint32_t request, uint32_t flags, const void *payload, uint32_t size,
	const int *fds, unsigned int n);
/** The next reply: its payload. @return its size, or FE_CLOSED. */
int fe_recv(struct fe *fe, uint32_t request, void *payload, uint32_t room);
/** Nothing has come. */
void fe_assert_silent(struct fe *fe);
/** The server closes the connection, and counts an error. */
void fe_assert_closed(struct fe *fe);

/** A request that is acknowledged, with 0 (fe_ok) or not (fe_refused). */
void fe_ok(struct fe *fe, uint32_t request, const void *payload, uint32_t size, const int *fds,
	unsigned int n);
void fe_refused(struct fe *fe, uint32_t request, const void *payload, uint32_t size, const int *fds,
	unsigned int n);
void fe_ok_u64(struct fe *fe, uint32_t request, uint64_t value);
void fe_refused_u64(struct fe *fe, uint32_t request, uint64_t value);
void fe_ok_state(struct fe *fe, uint32_t request, uint32_t index, uint32_t num);
void fe_refused_state(struct fe *fe, uint32_t request, uint32_t index, uint32_t num);
/** SET_VRING_KICK and the like with a new eventfd. */
void fe_ok_eventfd(struct fe *fe, uint32_t request, uint32_t index);
uint64_t fe_get_u64(struct fe *fe, uint32_t request);
uint32_t fe_get_base(struct fe *fe, uint32_t index);

/** Steps of a start. fe_start_all() does all of them for ring 0 and 1. */
void fe_negotiate(struct fe *fe, uint64_t features);
void fe_set_mem(struct fe *fe);
struct vu_vring_addr fe_addr(uint32_t index);
void fe_ring(struct fe *fe, uint32_t index);
void fe_start_all(struct fe *fe);

#endif /* FRONT_END_H */
