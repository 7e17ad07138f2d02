/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef DEVICE_TEST_ENV_H
#define DEVICE_TEST_ENV_H

/**
 * @file
 * Test code: a device on a real poller, with the fake port as its network and a small guest. All
 * rings of the guest lie in one memory file; each chain is one descriptor.
 */

#include "poller_test_env.h"

#include <sys/mman.h>

#include "vn_blackbox.h"
#include "vn_device.h"

#define PAIRS     3
#define RINGS     (2 * PAIRS)
#define RING_SIZE 16
#define BUF_SIZE  2048

#define GPA_BASE    UINT64_C(0x100000)
#define RING_BYTES  0x10000u
#define AVAIL_AT    0x400u
#define USED_AT     0x800u
#define BUF_AT      0x1000u
#define GUEST_RINGS (RINGS + 1) /* the last one is the control queue's */
#define GUEST_BYTES (GUEST_RINGS * RING_BYTES)

#define FEATURES                                                                                   \
	(VN_F_VERSION_1 | VN_NET_F_MRG_RXBUF | VN_NET_F_CSUM | VN_NET_F_GUEST_CSUM | VN_NET_F_MQ | \
		VN_NET_F_CTRL_VQ | VN_NET_F_MAC | VN_NET_F_STATUS | VN_NET_F_MTU)

/* The guest, and its driver. */
struct guest {
	int memfd;
	uint8_t *base;
	struct vn_guestmem *mem;
	int kick[GUEST_RINGS], call[GUEST_RINGS];
	uint16_t avail[GUEST_RINGS], seen[GUEST_RINGS];
};

/* What a callback said. */
struct result {
	unsigned int calls;
	int value;
};

static struct {
	struct vn_gm_registry *gm;
	struct vn_device_env env;
	struct vn_device_conf conf;
	struct vn_device *dev;
	struct guest guest;
	unsigned int fds;
} de;

static inline void
result_cb(void *ctx, int value)
{
	struct result *r = ctx;

	r->calls++;
	r->value = value;
}

static inline void
guest_make(struct guest *g)
{
	struct vn_gm_region region = {.gpa = GPA_BASE, .size = GUEST_BYTES};

	memset(g, 0, sizeof(*g));
	g->memfd = memfd_create("guest", MFD_CLOEXEC);
	assert_true(g->memfd >= 0);
	assert_int_equal(ftruncate(g->memfd, GUEST_BYTES), 0);
	g->base = mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, g->memfd, 0);
	assert_ptr_not_equal(g->base, MAP_FAILED);
	assert_int_equal(vn_gm_file_map(de.gm, g->memfd, 0, GUEST_BYTES, false, &region.file), 0);
	assert_int_equal(vn_guestmem_create(&region, 1, &g->mem), 0);
	vn_gm_file_unref(region.file);
	for (unsigned int i = 0; i < GUEST_RINGS; i++) {
		g->kick[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		g->call[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		assert_true(g->kick[i] >= 0 && g->call[i] >= 0);
	}
}

/* The test's reference to the map; the device has its own. */
static inline void
guest_drop_mem(struct guest *g)
{
	vn_guestmem_unref(g->mem);
	g->mem = NULL;
}

static inline void
guest_free(struct guest *g)
{
	if (g->base == NULL)
		return;
	guest_drop_mem(g);
	munmap(g->base, GUEST_BYTES);
	close(g->memfd);
	for (unsigned int i = 0; i < GUEST_RINGS; i++) {
		close(g->kick[i]);
		close(g->call[i]);
	}
	g->base = NULL;
}

static inline void *
guest_at(struct guest *g, unsigned int ring, uint32_t offset)
{
	return g->base + ring * RING_BYTES + offset;
}

static inline struct vn_vring_used *
guest_used(struct guest *g, unsigned int ring)
{
	return guest_at(g, ring, USED_AT);
}

static inline uint16_t
guest_used_idx(struct guest *g, unsigned int ring)
{
	return __atomic_load_n(&guest_used(g, ring)->idx, __ATOMIC_ACQUIRE);
}

/* How the transport would start the ring; the fds are for the device to close. */
static inline struct vn_vq_setup
guest_setup(struct guest *g, unsigned int ring, uint16_t start)
{
	const uint64_t gpa = GPA_BASE + ring * RING_BYTES;

	return (struct vn_vq_setup){
		.size = RING_SIZE,
		.start = start,
		.desc_gpa = gpa,
		.avail_gpa = gpa + AVAIL_AT,
		.used_gpa = gpa + USED_AT,
		.used_log_gpa = gpa + USED_AT,
		.kick_fd = fcntl(g->kick[ring], F_DUPFD_CLOEXEC, 0),
		.call_fd = fcntl(g->call[ring], F_DUPFD_CLOEXEC, 0),
	};
}

/* Make a chain of one descriptor available and kick. */
static inline void
guest_push(struct guest *g, unsigned int ring, uint32_t len)
{
	const uint16_t slot = g->avail[ring] % RING_SIZE;
	struct vn_vring_desc *desc = guest_at(g, ring, 0);
	struct vn_vring_avail *avail = guest_at(g, ring, AVAIL_AT);

	desc[slot] = (struct vn_vring_desc){
		.addr = GPA_BASE + ring * RING_BYTES + BUF_AT + slot * BUF_SIZE,
		.len = len,
		.flags = ring % 2 == 0 ? VN_DESC_F_WRITE : 0,
	};
	avail->ring[slot] = slot;
	g->avail[ring]++;
	__atomic_store_n(&avail->idx, g->avail[ring], __ATOMIC_RELEASE);
	pe_kick(g->kick[ring]);
}

/* A receive buffer. */
static inline void
guest_post(struct guest *g, unsigned int ring)
{
	guest_push(g, ring, BUF_SIZE);
}

static inline void
guest_send(struct guest *g, unsigned int ring, uint32_t tag)
{
	uint8_t *buf = guest_at(g, ring, BUF_AT + g->avail[ring] % RING_SIZE * BUF_SIZE);

	memset(buf, 0, BUF_SIZE);
	memcpy(buf + sizeof(struct vn_net_hdr), &tag, sizeof(tag));
	guest_push(g, ring, sizeof(struct vn_net_hdr) + 60);
}

/* The tag of the next frame received, or -1. */
static inline int64_t
guest_recv(struct guest *g, unsigned int ring)
{
	const struct vn_vring_used_elem *e;
	uint32_t tag;

	if (guest_used_idx(g, ring) == g->seen[ring])
		return -1;
	e = &guest_used(g, ring)->ring[g->seen[ring]++ % RING_SIZE];
	assert_true(e->id < RING_SIZE);
	memcpy(&tag,
		(uint8_t *)guest_at(g, ring, BUF_AT + e->id * BUF_SIZE) + sizeof(struct vn_net_hdr),
		sizeof(tag));
	return tag;
}

/* Make the device; its port may still be opening. */
static inline void
de_create(void)
{
	assert_int_equal(vn_device_create(&de.env, &de.conf, &de.dev), 0);
}

static inline bool
de_port_settled(void)
{
	return de.dev->port_info.ready || de.dev->port_error[0] != '\0';
}

static inline void
de_set_mem(struct vn_guestmem *mem)
{
	struct result r = {0};

	vn_device_set_mem(de.dev, mem, result_cb, &r);
	UNTIL(r.calls > 0);
	assert_int_equal(r.calls, 1);
	assert_int_equal(r.value, 0);
}

static inline void
de_begin(void)
{
	de_create();
	UNTIL(de_port_settled());
	assert_int_equal(vn_device_set_driver_features(de.dev, FEATURES), 0);
	de_set_mem(de.guest.mem);
}

static inline int
de_try_start(unsigned int ring, uint16_t start)
{
	const struct vn_vq_setup setup = guest_setup(&de.guest, ring, start);

	return vn_device_vq_start(de.dev, ring, &setup);
}

static inline void
de_start(unsigned int ring)
{
	assert_int_equal(de_try_start(ring, guest_used_idx(&de.guest, ring)), 0);
	UNTIL(de.dev->vq[ring].state == VN_VQ_RUNNING);
}

static inline int
de_stop(unsigned int ring)
{
	struct result r = {0};

	vn_device_vq_stop(de.dev, ring, result_cb, &r);
	UNTIL(r.calls > 0);
	assert_int_equal(r.calls, 1);
	assert_int_equal(de.dev->vq[ring].state, VN_VQ_STOPPED);
	return r.value;
}

static inline void
de_reset(void)
{
	struct result r = {0};

	vn_device_reset(de.dev, result_cb, &r);
	UNTIL(r.calls > 0);
	assert_int_equal(r.calls, 1);
	assert_int_equal(r.value, 0);
}

static inline void
de_destroy(enum vn_port_fate fate)
{
	struct result r = {0};

	vn_device_destroy(de.dev, fate, result_cb, &r);
	de.dev = NULL;
	UNTIL(r.calls > 0);
	assert_int_equal(r.value, 0);
	assert_int_equal(vn_poller_devices(pe.poller), 0);
}

/* Frames pass both ways on pair @p pair. */
static inline void
de_check_pair(unsigned int pair, uint32_t tag)
{
	uint32_t got;

	guest_send(&de.guest, 2 * pair + 1, tag);
	UNTIL(fp_recv(fp.queue[pair], &got) >= 0);
	assert_int_equal(got, tag);
	guest_post(&de.guest, 2 * pair);
	assert_true(fp_send(fp.queue[pair], tag + 1, 60));
	UNTIL(guest_used_idx(&de.guest, 2 * pair) != de.guest.seen[2 * pair]);
	assert_int_equal(guest_recv(&de.guest, 2 * pair), tag + 1);
}

static inline void
de_start_all(void)
{
	de_begin();
	for (unsigned int i = 0; i < RINGS; i++)
		de_start(i);
}

/* A copy of the guest in another file, as after memory hotplug; the rings go on in it. */
static inline struct vn_guestmem *
guest_move(struct guest *g)
{
	struct vn_gm_region region = {.gpa = GPA_BASE, .size = GUEST_BYTES};
	struct vn_guestmem *old = g->mem;
	uint8_t *base;
	int fd = memfd_create("guest", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, GUEST_BYTES), 0);
	base = mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(base, MAP_FAILED);
	memcpy(base, g->base, GUEST_BYTES);
	assert_int_equal(vn_gm_file_map(de.gm, fd, 0, GUEST_BYTES, false, &region.file), 0);
	assert_int_equal(vn_guestmem_create(&region, 1, &g->mem), 0);
	vn_gm_file_unref(region.file);
	munmap(g->base, GUEST_BYTES);
	close(g->memfd);
	g->memfd = fd;
	g->base = base;
	return old;
}

static inline int
de_setup(void **state)
{
	if (pe_setup(state) != 0)
		return -1;
	memset(&de, 0, sizeof(de));
	de.gm = vn_gm_registry_create(16);
	assert_non_null(de.gm);
	de.env = (struct vn_device_env){
		.loop = pe.loop,
		.gm = de.gm,
		.pollers = pe.pollers,
		.pool = env_pool,
		.port_ops = &fp_ops,
		.port_features = UINT64_MAX,
	};
	de.conf = (struct vn_device_conf){
		.type = VN_STATIC_PF,
		.vuid = "TESTVNETS1D0F2",
		.mac = {2, 1, 2, 3, 4, 5},
		.features = FEATURES,
		.num_msix = RINGS + 2,
		.num_queues = RINGS + 1,
		.max_queue_pairs = PAIRS,
		.max_queue_size = 256,
		.mtu = 1500,
		.speed = 100000,
		.sf_num = 1000,
		.rep_name = "en3f0pf0sf1000",
		.lcore_last = UINT_MAX,
	};
	guest_make(&de.guest);
	de.fds = pe_count_fds();
	return 0;
}

/* Whatever the test did: no descriptor, mapping, port, queue or mbuf is left over. */
static inline int
de_teardown(void **state)
{
	for (unsigned int i = 0; i < FP_CALLS; i++)
		fp_release(i);
	if (de.dev != NULL)
		de_destroy(VN_PORT_KEEP);
	assert_int_equal(pe_count_fds(), de.fds);
	guest_free(&de.guest);
	assert_int_equal(vn_gm_registry_files(de.gm), 0);
	vn_gm_registry_destroy(de.gm);
	return pe_teardown(state);
}

#define DE_TEST(name) cmocka_unit_test_setup_teardown(name, de_setup, de_teardown)

#endif /* DEVICE_TEST_ENV_H */
