/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* Virtqueue registers, interrupts, legacy rings, and the configuration space of the model. */

#include "model_test_env.h"

static void
test_registers(void **state)
{
	static const uint16_t bad[] = {0, 3, 5, 24, 255, 257, 512, 0x8000, 0xffff};
	const struct vn_vq_regs *regs;

	(void)state;
	me_begin(false);
	assert_int_equal(vn_model_num_queues(de.dev), GUEST_RINGS);
	me_negotiate(USUAL_FEATURES);
	for (unsigned int q = 0; q < GUEST_RINGS; q++) {
		regs = vn_model_queue(de.dev, q);
		assert_non_null(regs);
		assert_int_equal(regs->size, 256);
		assert_int_equal(regs->max_size, 256);
		assert_int_equal(regs->vector, VN_MSI_NO_VECTOR);
		assert_false(regs->enable);
		for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
			vn_model_queue_set_size(de.dev, q, bad[i]);
			assert_int_equal(regs->size, 256);
		}
		vn_model_queue_set_size(de.dev, q, 1);
		assert_int_equal(regs->size, 1);
		vn_model_queue_set_size(de.dev, q, 256);
		assert_int_equal(regs->size, 256);
		vn_model_queue_set_addr(de.dev, q, UINT64_MAX, 1, 2);
		assert_int_equal(regs->desc, UINT64_MAX);
		assert_int_equal(regs->driver, 1);
		assert_int_equal(regs->device, 2);
		me_queue(q, q);
		assert_true(regs->enable);
		/* Shown before it runs. */
		assert_int_equal(de.dev->vq[q].setup.desc_gpa, regs->desc);
		assert_int_equal(de.dev->vq[q].msix_vector, q + 1);
		/* Fixed from now on. */
		vn_model_queue_set_size(de.dev, q, 4);
		vn_model_queue_set_addr(de.dev, q, 0, 0, 0);
		assert_int_equal(regs->size, RING_SIZE);
		assert_int_not_equal(regs->desc, 0);
	}
	/* Beyond the last. */
	for (unsigned int q = GUEST_RINGS; q <= UINT16_MAX; q += 13) {
		assert_null(vn_model_queue(de.dev, q));
		vn_model_queue_set_size(de.dev, q, 4);
		vn_model_queue_set_addr(de.dev, q, 0, 0, 0);
		vn_model_queue_enable(de.dev, q);
		vn_model_queue_reset(de.dev, q);
		vn_model_queue_set_pfn(de.dev, q, 1);
		vn_model_kick(de.dev, q, 0);
		assert_int_equal(vn_model_queue_set_vector(de.dev, q, 0), VN_MSI_NO_VECTOR);
	}
	me_driver_ok();
	UNTIL(me_all_run());
	assert_int_equal(de.dev->ctrl_mq, 1);
	me_check_pair(0, 1);
}

/* Where the control queue is (5.1.2). */
static void
test_without_mq(void **state)
{
	(void)state;
	me_begin(false);
	assert_int_equal(vn_model_ctrl_queue(de.dev), 2);
	me_negotiate(USUAL_FEATURES & ~(VN_NET_F_MQ | VN_NET_F_RSS));
	assert_int_equal(vn_model_ctrl_queue(de.dev), 2);
	for (unsigned int q = 3; q <= GUEST_RINGS; q++)
		assert_null(vn_model_queue(de.dev, q));
	me_queue(0, 0);
	me_queue(1, 1);
	me_queue(2, CTRL);
	me_driver_ok();
	UNTIL(de.dev->enabled_queues == 3);
	assert_int_equal(de.dev->vq[CTRL].state, VN_VQ_RUNNING);
	assert_int_equal(me_cmd(VN_NET_CTRL_RX, VN_NET_CTRL_RX_PROMISC, "\1", 1), VN_NET_OK);
	me_check_pair(0, 1);
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
	me_negotiate(USUAL_FEATURES & ~VN_NET_F_MQ);
	assert_int_equal(vn_model_ctrl_queue(de.dev), CTRL);
}

/* Addresses that lead nowhere, in every part of every queue. */
static void
test_bad_addresses(void **state)
{
	static const uint64_t bad[] = {0, 1, GPA_BASE + 1, GPA_BASE + GUEST_BYTES - 4, GPA_BASE - 4,
		UINT64_MAX, UINT64_MAX - 16};

	(void)state;
	me_begin(false);
	for (unsigned int q = 0; q < GUEST_RINGS; q += 3) {
		for (unsigned int part = 0; part < 3; part++) {
			for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
				uint64_t a[3] = {GPA_BASE + q * RING_BYTES,
					GPA_BASE + q * RING_BYTES + AVAIL_AT,
					GPA_BASE + q * RING_BYTES + USED_AT};

				a[part] = bad[i];
				me_negotiate(USUAL_FEATURES);
				vn_model_set_config_vector(de.dev, 0);
				me_set_queue(q, q);
				vn_model_queue_set_addr(de.dev, q, a[0], a[1], a[2]);
				vn_model_queue_enable(de.dev, q);
				me_driver_ok();
				assert_true(vn_model_status(de.dev) & VN_STATUS_NEEDS_RESET);
				assert_string_equal(de.dev->broken_why, "queue-address");
				assert_true(me_config_irq());
				vn_model_kick(de.dev, q, 0);
				vn_model_set_status(de.dev, 0);
				UNTIL(vn_model_status(de.dev) == 0);
				assert_int_equal(de.dev->enabled_queues, 0);
			}
		}
	}
	/* No memory at all. */
	de_set_mem(NULL);
	me_negotiate(USUAL_FEATURES);
	me_queue(0, 0);
	me_driver_ok();
	assert_true(vn_model_status(de.dev) & VN_STATUS_NEEDS_RESET);
}

/* VIRTIO_F_RING_RESET: one queue alone, while a poller holds it. */
static void
test_queue_reset(void **state)
{
	(void)state;
	me_up(USUAL_FEATURES);
	me_check_pair(0, 1);
	fp_hold(FP_TX);
	guest_send(&de.guest, 1, 5);
	vn_model_kick(de.dev, 1, 0);
	UNTIL(fp_inside(FP_TX));
	vn_model_queue_reset(de.dev, 1);
	assert_true(vn_model_queue(de.dev, 1)->resetting);
	assert_true(vn_model_queue(de.dev, 1)->enable);
	/* Nothing goes on before it has ended. */
	vn_model_queue_reset(de.dev, 1);
	vn_model_queue_enable(de.dev, 1);
	vn_model_queue_set_size(de.dev, 1, 4);
	vn_model_queue_set_vector(de.dev, 1, 4);
	vn_model_queue_set_pfn(de.dev, 1, 0);
	SETTLE();
	assert_true(vn_model_queue(de.dev, 1)->resetting);
	fp_release(FP_TX);
	UNTIL(!vn_model_queue(de.dev, 1)->resetting);
	assert_false(vn_model_queue(de.dev, 1)->enable);
	assert_int_equal(vn_model_queue(de.dev, 1)->size, 256);
	assert_int_equal(vn_model_queue(de.dev, 1)->desc, 0);
	assert_int_equal(vn_model_queue(de.dev, 1)->vector, VN_MSI_NO_VECTOR);
	assert_int_equal(de.dev->vq[1].state, VN_VQ_STOPPED);
	assert_int_equal(de.dev->vq[0].state, VN_VQ_RUNNING);
	/* The driver sets it up anew, from position 0: it starts at once. */
	memset(guest_at(&de.guest, 1, 0), 0, BUF_AT);
	de.guest.avail[1] = 0;
	me_queue(1, 1);
	UNTIL(de.dev->vq[1].state == VN_VQ_RUNNING);
	{
		uint32_t tag;

		while (fp_recv(fp.queue[0], &tag) >= 0)
			;
	}
	me_check_pair(0, 7);
	/* The control queue, too. */
	vn_model_queue_reset(de.dev, CTRL);
	assert_false(vn_model_queue(de.dev, CTRL)->resetting);
	assert_int_equal(de.dev->vq[CTRL].state, VN_VQ_STOPPED);
	vn_model_kick(de.dev, CTRL, 0);
	memset(guest_at(&de.guest, CTRL, 0), 0, BUF_AT);
	de.guest.avail[CTRL] = 0;
	me_queue(CTRL, CTRL);
	assert_int_equal(me_cmd(VN_NET_CTRL_RX, VN_NET_CTRL_RX_PROMISC, "\1", 1), VN_NET_OK);
	/* Of a queue that is not enabled: nothing to wait for. */
	vn_model_queue_reset(de.dev, CTRL);
	vn_model_queue_reset(de.dev, CTRL);
	assert_false(vn_model_queue(de.dev, CTRL)->resetting);
}

static void
test_queue_reset_not_negotiated(void **state)
{
	(void)state;
	me_up(USUAL_FEATURES & ~VN_F_RING_RESET);
	vn_model_queue_reset(de.dev, 1);
	assert_false(vn_model_queue(de.dev, 1)->resetting);
	assert_true(vn_model_queue(de.dev, 1)->enable);
	SETTLE();
	me_check_pair(0, 1);
}

/* A reset of the device overtakes that of a queue. */
static void
test_reset_in_queue_reset(void **state)
{
	(void)state;
	me_up(USUAL_FEATURES);
	fp_hold(FP_TX);
	guest_send(&de.guest, 1, 5);
	vn_model_kick(de.dev, 1, 0);
	UNTIL(fp_inside(FP_TX));
	vn_model_queue_reset(de.dev, 1);
	vn_model_set_status(de.dev, 0);
	assert_int_not_equal(vn_model_status(de.dev), 0);
	fp_release(FP_TX);
	UNTIL(vn_model_status(de.dev) == 0);
	assert_false(vn_model_queue(de.dev, 1)->resetting);
	me_wipe();
	me_load(USUAL_FEATURES);
	me_check_pair(0, 1);
}

static void
test_vectors(void **state)
{
	(void)state;
	me_begin(false);
	me_negotiate(USUAL_FEATURES);
	me.vectors = 3;
	assert_int_equal(vn_model_set_config_vector(de.dev, 2), 2);
	assert_int_equal(vn_model_config_vector(de.dev), 2);
	assert_int_equal(vn_model_set_config_vector(de.dev, 3), VN_MSI_NO_VECTOR);
	assert_int_equal(vn_model_config_vector(de.dev), VN_MSI_NO_VECTOR);
	assert_int_equal(vn_model_queue_set_vector(de.dev, 0, 2), 2);
	assert_int_equal(vn_model_queue_set_vector(de.dev, 0, 3), VN_MSI_NO_VECTOR);
	assert_int_equal(vn_model_queue(de.dev, 0)->vector, VN_MSI_NO_VECTOR);
	assert_int_equal(vn_model_queue_set_vector(de.dev, 0, 0xffff), VN_MSI_NO_VECTOR);
	me.vectors = VECTORS;
	for (unsigned int i = 0; i < GUEST_RINGS; i++)
		me_queue(i, i);
	vn_model_set_config_vector(de.dev, 0);
	me_driver_ok();
	UNTIL(me_all_run());
	me_check_pair(0, 1);
	UNTIL(pe_signals(me.irq[1]) > 0);
	/* Another vector for a ring that runs. */
	assert_int_equal(vn_model_queue_set_vector(de.dev, 0, 5), 5);
	UNTIL(pe_signals(me.irq[5]) > 0);
	assert_int_equal(de.dev->vq[0].msix_vector, 5);
	/* The transport takes a descriptor away and gives it back: one interrupt is made up for. */
	me.mute = true;
	vn_model_irq_changed(de.dev, UINT32_MAX);
	me_set_link(false);
	assert_false(me_config_irq());
	me.mute = false;
	vn_model_irq_changed(de.dev, 5);
	UNTIL(pe_signals(me.irq[5]) > 0);
	assert_false(me_config_irq());
	vn_model_irq_changed(de.dev, 0);
	assert_true(me_config_irq());
	vn_model_irq_changed(de.dev, CTRL + 1);
	assert_true(pe_signals(me.irq[CTRL + 1]) > 0);
	me_check_pair(0, 9);
}

static void
test_intx(void **state)
{
	(void)state;
	me.intx = true;
	me.vectors = 0;
	me_begin(false);
	me_negotiate(USUAL_FEATURES);
	for (unsigned int i = 0; i < GUEST_RINGS; i++) {
		const uint64_t gpa = GPA_BASE + i * RING_BYTES;

		vn_model_queue_set_size(de.dev, i, RING_SIZE);
		vn_model_queue_set_addr(de.dev, i, gpa, gpa + AVAIL_AT, gpa + USED_AT);
		assert_int_equal(vn_model_queue_set_vector(de.dev, i, 0), VN_MSI_NO_VECTOR);
		vn_model_queue_enable(de.dev, i);
	}
	me_driver_ok();
	UNTIL(me_all_run());
	me_check_pair(0, 1);
	UNTIL(pe_signals(me.intx_fd) > 0);
	assert_int_equal(vn_model_isr(de.dev), VN_ISR_QUEUE);
	assert_int_equal(vn_model_isr_read_clear(de.dev), VN_ISR_QUEUE);
	assert_int_equal(vn_model_isr(de.dev), 0);
	SETTLE();
	pe_signals(me.intx_fd);
	vn_model_isr_read_clear(de.dev);
	me_set_link(false);
	assert_int_equal(pe_signals(me.intx_fd), 1);
	assert_int_equal(vn_model_isr_read_clear(de.dev), VN_ISR_CONFIG);
	assert_int_equal(me_cmd(VN_NET_CTRL_RX, VN_NET_CTRL_RX_PROMISC, "\1", 1), VN_NET_OK);
	assert_true(pe_signals(me.intx_fd) > 0);
	assert_int_equal(vn_model_isr_read_clear(de.dev), VN_ISR_QUEUE);
	me_set_link(true);
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
	assert_int_equal(vn_model_isr(de.dev), 0);
}

/* An eventfd that would block never stops the control thread. */
static void
test_blocking_irq(void **state)
{
	const uint64_t full = UINT64_MAX - 1;

	(void)state;
	me_up(USUAL_FEATURES);
	assert_int_equal(fcntl(me.irq[0], F_SETFL, 0), 0);
	assert_int_equal(write(me.irq[0], &full, sizeof(full)), sizeof(full));
	me_set_link(false);
	me_set_link(true);
	assert_false(de.dev->broken);
	assert_int_equal(fcntl(me.irq[CTRL + 1], F_SETFL, 0), 0);
	me_post("\0\0\1", 3, 1);
	vn_model_kick(de.dev, CTRL, 0);
	UNTIL(de.dev->broken);
	assert_string_equal(de.dev->broken_why, VN_VQ_WHY_BLOCKS);
	assert_int_equal(fcntl(me.irq[CTRL + 1], F_SETFL, O_NONBLOCK), 0);
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
}

/* The same when the descriptor is exchanged. */
static void
test_blocking_irq_changed(void **state)
{
	(void)state;
	me_up(USUAL_FEATURES);
	assert_int_equal(fcntl(me.irq[CTRL + 1], F_SETFL, 0), 0);
	vn_model_irq_changed(de.dev, CTRL + 1);
	assert_true(vn_model_status(de.dev) & VN_STATUS_NEEDS_RESET);
	assert_string_equal(de.dev->broken_why, VN_VQ_WHY_BLOCKS);
}

/* With a doorbell page nobody tells us of notifications; but for the control queue's. */
static void
test_doorbell_page(void **state)
{
	uint32_t tag;

	(void)state;
	de_create();
	UNTIL(de_port_settled());
	assert_int_equal(vn_model_attach(de.dev, &me_ops, NULL, false, false), 0);
	de_set_mem(de.guest.mem);
	me_load(USUAL_FEATURES);
	assert_int_equal(de.dev->vq[1].setup.kick_fd, -1);
	UNTIL(fp.queue[0] != NULL);
	guest_send(&de.guest, 1, 4);
	UNTIL(fp_recv(fp.queue[0], &tag) >= 0);
	assert_int_equal(tag, 4);
	assert_int_equal(me_cmd(VN_NET_CTRL_RX, VN_NET_CTRL_RX_PROMISC, "\1", 1), VN_NET_OK);
}

static void
test_config(void **state)
{
	uint8_t buf[64], zero[64] = {0};
	uint8_t gen;

	(void)state;
	me_begin(false);
	memset(buf, 0xee, sizeof(buf));
	vn_model_config_read(de.dev, 0, buf, 24);
	assert_memory_equal(buf, de.conf.mac, 6);
	assert_int_equal(buf[6], VN_NET_S_LINK_UP);
	assert_int_equal(buf[8], PAIRS);
	assert_int_equal(buf[17], VN_NET_RSS_KEY_SIZE);
	assert_int_equal(buf[18], VN_NET_RSS_TABLE_SIZE);
	assert_int_equal(buf[20] | buf[21] << 8, VN_NET_HASH_ALL);
	vn_model_config_read(de.dev, 24, buf, sizeof(buf));
	assert_memory_equal(buf, zero, sizeof(buf));
	vn_model_config_read(de.dev, UINT32_MAX, buf, 8);
	/* No driver: changes are no interrupts. */
	gen = vn_model_config_generation(de.dev);
	me_set_link(false);
	assert_int_not_equal(vn_model_config_generation(de.dev), gen);
	UNTIL(!fp.link_up);
	me_load(USUAL_FEATURES);
	assert_false(me_config_irq());
	me_set_link(true);
	assert_true(me_config_irq());
	UNTIL(fp.link_up);
	gen = vn_model_config_generation(de.dev);
	me_set_mtu(9000);
	assert_true(me_config_irq());
	assert_int_not_equal(vn_model_config_generation(de.dev), gen);
	UNTIL(fp.mtu == 9000);
	vn_model_config_read(de.dev, 10, buf, 2);
	assert_int_equal(buf[0] | buf[1] << 8, 9000);
	/* Read-only to this driver. */
	gen = vn_model_config_generation(de.dev);
	vn_model_config_write(de.dev, 0, zero, sizeof(zero));
	vn_model_config_read(de.dev, 0, buf, 6);
	assert_memory_equal(buf, de.conf.mac, 6);
	assert_int_equal(vn_model_config_generation(de.dev), gen);
}

/* Only the basic size of a feature is offered: no fields without their features. */
static void
test_config_plain(void **state)
{
	uint8_t buf[24], zero[24] = {0};

	(void)state;
	de.conf.features = FEATURES;
	me_begin(false);
	vn_model_config_read(de.dev, 0, buf, sizeof(buf));
	assert_memory_equal(buf + 17, zero, 7);
}

/* What changes while the port still opens. */
static void
test_link_early(void **state)
{
	(void)state;
	fp_hold(FP_OPEN);
	de_create();
	UNTIL(fp_inside(FP_OPEN));
	assert_int_equal(vn_model_attach(de.dev, &me_ops, NULL, false, true), 0);
	me_set_link(false);
	me_set_mtu(4000);
	fp_release(FP_OPEN);
	UNTIL(de_port_settled() && !fp.link_up && fp.mtu == 4000);
}

/* The ring of a legacy driver: one piece at a page frame, the size is ours. */
#define LEGACY_SIZE 16u
static void
test_legacy(void **state)
{
	const uint64_t features = VN_NET_F_MAC | VN_NET_F_CSUM | VN_NET_F_CTRL_VQ;
	struct vn_vring_desc *desc = guest_at(&de.guest, 1, 0);
	struct vn_vring_avail *avail = guest_at(&de.guest, 1, LEGACY_SIZE * 16);
	const struct vn_vring_used *used = guest_at(&de.guest, 1, 4096);
	static const uint8_t mac[6] = {2, 6, 6, 6, 6, 6};
	const struct vn_vq_regs *regs;
	uint8_t buf[6];
	uint32_t tag;

	(void)state;
	de.conf.max_queue_size = LEGACY_SIZE;
	me_begin(true);
	vn_model_set_status(de.dev, VN_STATUS_ACK);
	vn_model_set_status(de.dev, VN_STATUS_ACK | VN_STATUS_DRIVER);
	/* It may take what was not offered; that does not count. */
	vn_model_accept(de.dev, 0, features | VN_NET_F_GSO | VN_NET_F_HOST_UFO | VN_NET_F_MQ);
	vn_model_accept(de.dev, 0, features | VN_NET_F_GSO | VN_NET_F_HOST_UFO);
	regs = vn_model_queue(de.dev, 1);
	vn_model_queue_set_pfn(de.dev, 1, (GPA_BASE + RING_BYTES) / 4096);
	assert_true(regs->legacy && regs->enable);
	assert_int_equal(regs->desc, GPA_BASE + RING_BYTES);
	assert_int_equal(regs->driver, GPA_BASE + RING_BYTES + LEGACY_SIZE * 16);
	assert_int_equal(regs->device, GPA_BASE + RING_BYTES + 4096);
	for (unsigned int i = 0; i < 6; i++)
		vn_model_config_write(de.dev, i, mac + i, 1);
	vn_model_config_read(de.dev, 0, buf, 6);
	assert_memory_equal(buf, mac, 6);
	vn_model_set_status(de.dev, VN_STATUS_ACK | VN_STATUS_DRIVER | VN_STATUS_DRIVER_OK);
	assert_int_equal(de.dev->driver_features, features);
	assert_true(vn_model_driver_loaded(de.dev));
	UNTIL(de.dev->vq[1].state == VN_VQ_RUNNING && fp.queue[0] != NULL);
	/* Behind a header of 10 bytes. */
	tag = 77;
	memset(guest_at(&de.guest, 1, 0x3000), 0, 128);
	memcpy(guest_at(&de.guest, 1, 0x3000 + 10), &tag, 4);
	desc[0] = (struct vn_vring_desc){.addr = GPA_BASE + RING_BYTES + 0x3000, .len = 70};
	__atomic_store_n(&avail->idx, 1, __ATOMIC_RELEASE);
	vn_model_kick(de.dev, 1, 0);
	UNTIL(fp_recv(fp.queue[0], &tag) >= 0);
	assert_int_equal(tag, 77);
	UNTIL(__atomic_load_n(&used->idx, __ATOMIC_ACQUIRE) == 1);
	/* Taken away and given back: it begins at 0 again. */
	vn_model_queue_set_pfn(de.dev, 1, 0);
	assert_false(regs->enable);
	memset(guest_at(&de.guest, 1, 0), 0, 0x2000);
	vn_model_queue_set_pfn(de.dev, 1, (GPA_BASE + RING_BYTES) / 4096);
	UNTIL(de.dev->vq[1].state == VN_VQ_RUNNING);
	desc[0] = (struct vn_vring_desc){.addr = GPA_BASE + RING_BYTES + 0x3000, .len = 70};
	__atomic_store_n(&avail->idx, 1, __ATOMIC_RELEASE);
	vn_model_kick(de.dev, 1, 0);
	UNTIL(fp_recv(fp.queue[0], &tag) >= 0);
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
	vn_model_config_read(de.dev, 0, buf, 6);
	assert_memory_equal(buf, de.conf.mac, 6);
	/* A frame that leads nowhere. */
	vn_model_queue_set_pfn(de.dev, 1, UINT32_MAX);
	vn_model_set_status(de.dev, VN_STATUS_DRIVER_OK);
	assert_true(vn_model_status(de.dev) & VN_STATUS_NEEDS_RESET);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ME_TEST(test_registers),
		ME_TEST(test_without_mq),
		ME_TEST(test_bad_addresses),
		ME_TEST(test_queue_reset),
		ME_TEST(test_queue_reset_not_negotiated),
		ME_TEST(test_reset_in_queue_reset),
		ME_TEST(test_vectors),
		ME_TEST(test_intx),
		ME_TEST(test_blocking_irq),
		ME_TEST(test_blocking_irq_changed),
		ME_TEST(test_doorbell_page),
		ME_TEST(test_config),
		ME_TEST(test_config_plain),
		ME_TEST(test_link_early),
		ME_TEST(test_legacy),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
