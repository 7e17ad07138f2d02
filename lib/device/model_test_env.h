/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef MODEL_TEST_ENV_H
#define MODEL_TEST_ENV_H

/**
 * @file
 * Test code: a device with its model, and a driver that goes through its registers.
 */

#include "device_test_env.h"

#include "model_private.h"

#define CTRL    RINGS /* the control queue's number with MQ */
#define VECTORS (GUEST_RINGS + 1)

/* Everything that the model can offer. */
#define ALL_FEATURES                                                                              \
	(FEATURES | VN_NET_F_CTRL_GUEST_OFFLOADS | VN_NET_F_GUEST_TSO4 | VN_NET_F_GUEST_TSO6 |    \
		VN_NET_F_GUEST_ECN | VN_NET_F_HOST_TSO4 | VN_NET_F_HOST_TSO6 | VN_NET_F_CTRL_RX | \
		VN_NET_F_CTRL_VLAN | VN_NET_F_CTRL_RX_EXTRA | VN_NET_F_GUEST_ANNOUNCE |           \
		VN_NET_F_CTRL_MAC_ADDR | VN_F_INDIRECT_DESC | VN_F_EVENT_IDX | VN_F_RING_RESET |  \
		VN_NET_F_DEVICE_STATS | VN_NET_F_NOTF_COAL | VN_NET_F_VQ_NOTF_COAL |              \
		VN_NET_F_RSS | VN_NET_F_HASH_REPORT | VN_NET_F_SPEED_DUPLEX | VN_F_RING_PACKED |  \
		VN_F_NOTIFICATION_DATA)

/* What most tests negotiate: split rings, headers of 12 bytes, flags instead of events. */
#define USUAL_FEATURES                                                               \
	(ALL_FEATURES & ~(VN_F_EVENT_IDX | VN_NET_F_HASH_REPORT | VN_F_RING_PACKED | \
				VN_F_NOTIFICATION_DATA))

static struct {
	int irq[VECTORS], intx_fd;
	bool intx, mute;
	uint16_t vectors;
	unsigned int saves;
} me;

static inline int
me_irq_fd(void *ctx, uint16_t vector)
{
	(void)ctx;
	if (me.intx)
		return me.intx_fd;
	return vector < VECTORS && !me.mute ? me.irq[vector] : -1;
}

static inline bool
me_intx(void *ctx)
{
	(void)ctx;
	return me.intx;
}

static inline uint16_t
me_num_vectors(void *ctx)
{
	(void)ctx;
	return me.vectors;
}

static inline void
me_save(void *ctx)
{
	(void)ctx;
	me.saves++;
}

static const struct vn_model_ops me_ops = {
	.irq_fd = me_irq_fd,
	.intx = me_intx,
	.num_vectors = me_num_vectors,
	.save = me_save,
};

/* As an operator does it. */
static inline void
me_set_link(bool up)
{
	struct vn_device_conf conf = de.dev->conf;

	conf.link_down = !up;
	assert_int_equal(vn_device_reconf(de.dev, &conf), 0);
}

static inline void
me_set_mtu(uint16_t mtu)
{
	struct vn_device_conf conf = de.dev->conf;

	conf.mtu = mtu;
	assert_int_equal(vn_device_reconf(de.dev, &conf), 0);
}

static inline void
me_create(bool legacy)
{
	de_create();
	UNTIL(de_port_settled());
	assert_int_equal(vn_model_attach(de.dev, &me_ops, NULL, legacy, true), 0);
}

static inline void
me_begin(bool legacy)
{
	me_create(legacy);
	de_set_mem(de.guest.mem);
}

static inline void
me_accept(uint64_t features)
{
	vn_model_accept(de.dev, 0, features);
	vn_model_accept(de.dev, 1, features >> 32);
}

static inline void
me_negotiate(uint64_t features)
{
	vn_model_set_status(de.dev, VN_STATUS_ACK);
	vn_model_set_status(de.dev, VN_STATUS_ACK | VN_STATUS_DRIVER);
	me_accept(features);
	vn_model_set_status(de.dev, VN_STATUS_ACK | VN_STATUS_DRIVER | VN_STATUS_FEATURES_OK);
	assert_int_equal(
		vn_model_status(de.dev), VN_STATUS_ACK | VN_STATUS_DRIVER | VN_STATUS_FEATURES_OK);
}

/* Set up queue @p q in the guest's ring @p ring, without enabling it. */
static inline void
me_set_queue(uint16_t q, unsigned int ring)
{
	const uint64_t gpa = GPA_BASE + ring * RING_BYTES;

	vn_model_queue_set_size(de.dev, q, RING_SIZE);
	vn_model_queue_set_addr(de.dev, q, gpa, gpa + AVAIL_AT, gpa + USED_AT);
	assert_int_equal(vn_model_queue_set_vector(de.dev, q, ring + 1), ring + 1);
}

static inline void
me_queue(uint16_t q, unsigned int ring)
{
	me_set_queue(q, ring);
	vn_model_queue_enable(de.dev, q);
}

static inline void
me_driver_ok(void)
{
	vn_model_set_status(de.dev,
		VN_STATUS_ACK | VN_STATUS_DRIVER | VN_STATUS_FEATURES_OK | VN_STATUS_DRIVER_OK);
}

static inline bool
me_all_run(void)
{
	return de.dev->enabled_queues == GUEST_RINGS;
}

/* A driver with all queues on a device that was made. */
static inline void
me_load(uint64_t features)
{
	me_negotiate(features);
	assert_int_equal(vn_model_set_config_vector(de.dev, 0), 0);
	for (unsigned int i = 0; i < GUEST_RINGS; i++)
		me_queue(i, i);
	me_driver_ok();
	UNTIL(me_all_run());
}

static inline void
me_up(uint64_t features)
{
	me_begin(false);
	me_load(features);
}

/* The guest begins anew. */
static inline void
me_wipe(void)
{
	memset(de.guest.base, 0, GUEST_BYTES);
	memset(de.guest.avail, 0, sizeof(de.guest.avail));
	memset(de.guest.seen, 0, sizeof(de.guest.seen));
}

static inline bool
me_config_irq(void)
{
	return pe_signals(me.irq[0]) > 0;
}

/* A data ring's driver: available and notified. */
static inline void
me_push(unsigned int ring, uint32_t len)
{
	guest_push(&de.guest, ring, len);
	vn_model_kick(de.dev, ring, 0);
}

/* Frames pass both ways on pair @p pair. */
static inline void
me_check_pair(unsigned int pair, uint32_t tag)
{
	uint32_t got;

	UNTIL(fp.queue[pair] != NULL);
	guest_send(&de.guest, 2 * pair + 1, tag);
	vn_model_kick(de.dev, 2 * pair + 1, 0);
	UNTIL(fp_recv(fp.queue[pair], &got) >= 0);
	assert_int_equal(got, tag);
	me_push(2 * pair, BUF_SIZE);
	assert_true(fp_send(fp.queue[pair], tag + 1, 60));
	UNTIL(guest_used_idx(&de.guest, 2 * pair) != de.guest.seen[2 * pair]);
	assert_int_equal(guest_recv(&de.guest, 2 * pair), tag + 1);
}

#define CMD_AT    0x1000u
#define CMD_ROOM  0x8000u
#define REPLY_AT  0x9000u
#define REPLY_MAX 0x6000u

/* Make a command available: @p len bytes, and @p room bytes for the answer. */
static inline void
me_post(const void *cmd, uint32_t len, uint32_t room)
{
	struct guest *g = &de.guest;
	const uint64_t gpa = GPA_BASE + CTRL * RING_BYTES;
	const uint16_t slot = g->avail[CTRL] * 2 % RING_SIZE;
	struct vn_vring_desc *desc = guest_at(g, CTRL, 0);
	struct vn_vring_avail *avail = guest_at(g, CTRL, AVAIL_AT);

	assert_true(len <= CMD_ROOM && room <= REPLY_MAX);
	memcpy(guest_at(g, CTRL, CMD_AT), cmd, len);
	memset(guest_at(g, CTRL, REPLY_AT), 0xee, REPLY_MAX);
	desc[slot] = (struct vn_vring_desc){
		.addr = gpa + CMD_AT,
		.len = len,
		.flags = room > 0 ? VN_DESC_F_NEXT : 0,
		.next = slot + 1,
	};
	desc[slot + 1] = (struct vn_vring_desc){
		.addr = gpa + REPLY_AT,
		.len = room,
		.flags = VN_DESC_F_WRITE,
	};
	avail->ring[g->avail[CTRL] % RING_SIZE] = slot;
	g->avail[CTRL]++;
	__atomic_store_n(&avail->idx, g->avail[CTRL], __ATOMIC_RELEASE);
}

static inline bool
me_answered(void)
{
	return guest_used_idx(&de.guest, CTRL) == de.guest.avail[CTRL];
}

/* The bytes of the last answer. */
static inline uint32_t
me_answer_len(void)
{
	struct guest *g = &de.guest;

	return guest_used(g, CTRL)->ring[(uint16_t)(g->avail[CTRL] - 1) % RING_SIZE].len;
}

static inline const uint8_t *
me_answer(void)
{
	return guest_at(&de.guest, CTRL, REPLY_AT);
}

/* A command as a whole. @return the ack. */
static inline int
me_raw(const void *cmd, uint32_t len, uint32_t room)
{
	me_post(cmd, len, room);
	vn_model_kick(de.dev, vn_model_ctrl_queue(de.dev), 0);
	UNTIL(me_answered());
	if (room == 0)
		return -1;
	assert_true(me_answer_len() >= 1);
	return me_answer()[0];
}

static inline int
me_cmd(uint8_t class, uint8_t command, const void *data, uint32_t len)
{
	static uint8_t buf[CMD_ROOM];

	buf[0] = class;
	buf[1] = command;
	if (len > 0)
		memcpy(buf + 2, data, len);
	return me_raw(buf, 2 + len, REPLY_MAX);
}

/* A frame that is for @p dst, with @p tag behind the addresses (60 bytes), on pair @p pair. */
static inline void
me_send_to(unsigned int pair, const uint8_t dst[6], uint16_t vlan, uint32_t tag)
{
	uint8_t buf[sizeof(struct vn_net_hdr) + 60] = {0};
	uint8_t *f = buf + sizeof(struct vn_net_hdr);

	memcpy(f, dst, 6);
	memcpy(f + 6, "\x02\xaa\xaa\xaa\xaa\xaa", 6);
	if (vlan != 0) {
		f[12] = 0x81;
		f[14] = vlan >> 8;
		f[15] = vlan;
		f[16] = 0x88;
		f[17] = 0xb5;
	} else {
		f[12] = 0x88;
		f[13] = 0xb5;
	}
	memcpy(f + 20, &tag, sizeof(tag));
	assert_true(send(fp.queue[pair]->peer, buf, sizeof(buf), MSG_NOSIGNAL) > 0);
}

/* The tag of the next frame that the driver gets on receive ring @p ring. */
static inline uint32_t
me_recv_tag(unsigned int ring)
{
	const struct vn_vring_used_elem *e;
	uint32_t tag;

	UNTIL(guest_used_idx(&de.guest, ring) != de.guest.seen[ring]);
	e = &guest_used(&de.guest, ring)->ring[de.guest.seen[ring]++ % RING_SIZE];
	memcpy(&tag,
		(uint8_t *)guest_at(&de.guest, ring, BUF_AT + e->id * BUF_SIZE) +
			sizeof(struct vn_net_hdr) + 20,
		sizeof(tag));
	return tag;
}

static inline int
me_setup(void **state)
{
	memset(&me, 0, sizeof(me));
	for (unsigned int i = 0; i < VECTORS; i++)
		me.irq[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	me.intx_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	me.vectors = VECTORS;
	if (de_setup(state) != 0)
		return -1;
	de.conf.features = ALL_FEATURES;
	return 0;
}

static inline int
me_teardown(void **state)
{
	const int rc = de_teardown(state);

	for (unsigned int i = 0; i < VECTORS; i++)
		close(me.irq[i]);
	close(me.intx_fd);
	return rc;
}

#define ME_TEST(name) cmocka_unit_test_setup_teardown(name, me_setup, me_teardown)

#endif /* MODEL_TEST_ENV_H */
