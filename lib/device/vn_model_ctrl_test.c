/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The control queue, and its commands about what is received. */

#include "model_test_env.h"

static const uint8_t own_mac[6] = {2, 1, 2, 3, 4, 5};
static const uint8_t foreign[6] = {2, 9, 9, 9, 9, 9};
static const uint8_t group[6] = {0x33, 0x33, 0, 0, 0, 1};
static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};

/* The driver gets the frame for @p dst, or it gets only the next one for itself. */
static void
expect_passes(const uint8_t dst[6], uint16_t vlan, bool passes)
{
	static uint32_t tag = 100;

	while ((uint16_t)(de.guest.avail[0] - de.guest.seen[0]) < 2)
		me_push(0, BUF_SIZE);
	tag += 2;
	UNTIL(fp.queue[0] != NULL);
	me_send_to(0, dst, vlan, tag);
	me_send_to(0, de.dev->priv->model->rx.mac, 0, tag + 1);
	if (passes)
		assert_int_equal(me_recv_tag(0), tag);
	assert_int_equal(me_recv_tag(0), tag + 1);
}

static int
rx_mode(uint8_t command, uint8_t on)
{
	return me_cmd(VN_NET_CTRL_RX, command, &on, 1);
}

static void
test_rx_modes(void **state)
{
	(void)state;
	me_up(USUAL_FEATURES);
	expect_passes(foreign, 0, true);
	assert_int_equal(rx_mode(VN_NET_CTRL_RX_PROMISC, 0), VN_NET_OK);
	expect_passes(foreign, 0, false);
	expect_passes(group, 0, false);
	expect_passes(broadcast, 0, true);
	assert_int_equal(rx_mode(VN_NET_CTRL_RX_ALLMULTI, 1), VN_NET_OK);
	expect_passes(group, 0, true);
	expect_passes(foreign, 0, false);
	assert_int_equal(rx_mode(VN_NET_CTRL_RX_ALLUNI, 1), VN_NET_OK);
	expect_passes(foreign, 0, true);
	assert_int_equal(rx_mode(VN_NET_CTRL_RX_ALLUNI, 0), VN_NET_OK);
	assert_int_equal(rx_mode(VN_NET_CTRL_RX_NOBCAST, 1), VN_NET_OK);
	expect_passes(broadcast, 0, false);
	assert_int_equal(rx_mode(VN_NET_CTRL_RX_NOMULTI, 1), VN_NET_OK);
	expect_passes(group, 0, false);
	assert_int_equal(rx_mode(VN_NET_CTRL_RX_NOUNI, 1), VN_NET_OK);
	assert_int_equal(de.dev->priv->model->rx.nouni, 1);
	assert_int_equal(rx_mode(VN_NET_CTRL_RX_NOUNI, 0), VN_NET_OK);
	assert_int_equal(me.saves, 8);
	/* A reset brings the default back. */
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
	me_wipe();
	me_load(USUAL_FEATURES);
	expect_passes(foreign, 0, true);
}

static void
test_mac(void **state)
{
	static const uint8_t mac[6] = {2, 7, 7, 7, 7, 7};
	uint8_t buf[6], gen;

	(void)state;
	me_up(USUAL_FEATURES);
	assert_int_equal(rx_mode(VN_NET_CTRL_RX_PROMISC, 0), VN_NET_OK);
	gen = vn_model_config_generation(de.dev);
	assert_int_equal(me_cmd(VN_NET_CTRL_MAC, VN_NET_CTRL_MAC_ADDR_SET, mac, 6), VN_NET_OK);
	assert_int_not_equal(vn_model_config_generation(de.dev), gen);
	vn_model_config_read(de.dev, 0, buf, 6);
	assert_memory_equal(buf, mac, 6);
	assert_memory_equal(de.dev->ctrl_mac, mac, 6);
	expect_passes(own_mac, 0, false);
	expect_passes(mac, 0, true);
	/* No address of a function. */
	assert_int_equal(me_cmd(VN_NET_CTRL_MAC, VN_NET_CTRL_MAC_ADDR_SET, group, 6), VN_NET_ERR);
	assert_int_equal(
		me_cmd(VN_NET_CTRL_MAC, VN_NET_CTRL_MAC_ADDR_SET, "\0\0\0\0\0\0", 6), VN_NET_ERR);
	vn_model_config_read(de.dev, 0, buf, 6);
	assert_memory_equal(buf, mac, 6);
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
	vn_model_config_read(de.dev, 0, buf, 6);
	assert_memory_equal(buf, own_mac, 6);
}

/* What operators are shown of all that. */
static void
test_info(void **state)
{
	struct vn_model_info info;
	uint16_t vlan = rte_cpu_to_le_16(7);

	(void)state;
	me_up(USUAL_FEATURES);
	assert_true(vn_model_get_info(de.dev, &info));
	assert_true(info.promisc && info.filter_vlan && !info.rss && !info.resetting);
	assert_int_equal(info.config_vector, vn_model_config_vector(de.dev));
	assert_int_equal(info.commands, 0);
	assert_int_equal(info.vlans, 0);
	assert_int_equal(rx_mode(VN_NET_CTRL_RX_PROMISC, 0), VN_NET_OK);
	assert_int_equal(rx_mode(VN_NET_CTRL_RX_ALLMULTI, 1), VN_NET_OK);
	assert_int_equal(me_cmd(VN_NET_CTRL_VLAN, VN_NET_CTRL_VLAN_ADD, &vlan, 2), VN_NET_OK);
	assert_int_equal(me_cmd(VN_NET_CTRL_VLAN, VN_NET_CTRL_VLAN_ADD, &vlan, 1), VN_NET_ERR);
	expect_passes(foreign, 0, false);
	vn_model_get_info(de.dev, &info);
	assert_true(!info.promisc && info.allmulti);
	assert_int_equal(info.vlans, 1);
	assert_int_equal(info.commands, 4);
	assert_int_equal(info.commands_ok, 3);
	assert_int_equal(info.filtered, 1);
	/* All that runs counts, and the control queue runs. */
	assert_int_equal(de.dev->enabled_queues, de.dev->num_vqs);
	vn_model_set_status(de.dev, 0);
	vn_model_get_info(de.dev, &info);
	assert_true(info.resetting);
	UNTIL(vn_model_status(de.dev) == 0);
	vn_model_get_info(de.dev, &info);
	assert_true(!info.resetting && info.promisc);
	assert_int_equal(info.config_vector, VN_MSI_NO_VECTOR);
	assert_int_equal(de.dev->enabled_queues, 0);
}

static uint32_t
mac_table(uint8_t *buf, uint32_t n_uni, uint32_t n_multi)
{
	uint32_t at = 0;

	memcpy(buf, &n_uni, 4);
	at = 4;
	for (uint32_t i = 0; i < n_uni; i++, at += 6)
		memcpy(buf + at, i == n_uni - 1 ? foreign : own_mac, 6);
	memcpy(buf + at, &n_multi, 4);
	at += 4;
	for (uint32_t i = 0; i < n_multi; i++, at += 6)
		memcpy(buf + at, group, 6);
	return at;
}

static int
set_table(uint32_t n_uni, uint32_t n_multi)
{
	static uint8_t buf[CMD_ROOM];
	const uint32_t len = mac_table(buf, n_uni, n_multi);

	return me_cmd(VN_NET_CTRL_MAC, VN_NET_CTRL_MAC_TABLE_SET, buf, len);
}

static void
test_mac_table(void **state)
{
	static const uint8_t other_group[6] = {0x33, 0x33, 0, 0, 0, 2};
	static const uint8_t other[6] = {2, 8, 8, 8, 8, 8};

	(void)state;
	me_up(USUAL_FEATURES);
	assert_int_equal(rx_mode(VN_NET_CTRL_RX_PROMISC, 0), VN_NET_OK);
	assert_int_equal(set_table(3, 0), VN_NET_OK);
	expect_passes(foreign, 0, true);
	expect_passes(other, 0, false);
	expect_passes(group, 0, false);
	assert_int_equal(set_table(0, 2), VN_NET_OK);
	expect_passes(foreign, 0, false);
	expect_passes(group, 0, true);
	expect_passes(other_group, 0, false);
	/* As many as there is room for, and more: all of that kind. */
	assert_int_equal(set_table(VN_RX_MACS, 0), VN_NET_OK);
	expect_passes(foreign, 0, true);
	expect_passes(other, 0, false);
	assert_int_equal(set_table(VN_RX_MACS, 1), VN_NET_OK);
	expect_passes(other, 0, false);
	expect_passes(other_group, 0, true);
	assert_int_equal(set_table(VN_RX_MACS + 1, 1), VN_NET_OK);
	expect_passes(other, 0, true);
	expect_passes(other_group, 0, false);
	assert_int_equal(set_table(0, 0), VN_NET_OK);
	expect_passes(other, 0, false);
	expect_passes(other_group, 0, false);
}

static void
test_vlan(void **state)
{
	uint16_t id = 5;

	(void)state;
	me_up(USUAL_FEATURES);
	/* Who wants everything gets everything. */
	expect_passes(own_mac, 5, true);
	assert_int_equal(rx_mode(VN_NET_CTRL_RX_PROMISC, 0), VN_NET_OK);
	expect_passes(own_mac, 5, false);
	expect_passes(own_mac, 0, true);
	assert_int_equal(me_cmd(VN_NET_CTRL_VLAN, VN_NET_CTRL_VLAN_ADD, &id, 2), VN_NET_OK);
	expect_passes(own_mac, 5, true);
	expect_passes(own_mac, 6, false);
	assert_int_equal(me_cmd(VN_NET_CTRL_VLAN, VN_NET_CTRL_VLAN_DEL, &id, 2), VN_NET_OK);
	expect_passes(own_mac, 5, false);
	id = 4095;
	assert_int_equal(me_cmd(VN_NET_CTRL_VLAN, VN_NET_CTRL_VLAN_ADD, &id, 2), VN_NET_OK);
	id = 4096;
	assert_int_equal(me_cmd(VN_NET_CTRL_VLAN, VN_NET_CTRL_VLAN_ADD, &id, 2), VN_NET_ERR);
	/* Without the feature all pass. */
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
	me_wipe();
	me_load(USUAL_FEATURES & ~VN_NET_F_CTRL_VLAN);
	assert_int_equal(rx_mode(VN_NET_CTRL_RX_PROMISC, 0), VN_NET_OK);
	expect_passes(own_mac, 5, true);
}

static uint16_t
config_status(void)
{
	uint16_t status;

	vn_model_config_read(de.dev, 6, &status, 2);
	return status;
}

static void
test_announce(void **state)
{
	uint8_t gen;

	(void)state;
	me_begin(false);
	vn_model_announce(de.dev);
	assert_int_equal(config_status(), VN_NET_S_LINK_UP);
	me_load(USUAL_FEATURES);
	gen = vn_model_config_generation(de.dev);
	vn_model_announce(de.dev);
	assert_true(me_config_irq());
	assert_int_equal(config_status(), VN_NET_S_LINK_UP | VN_NET_S_ANNOUNCE);
	assert_int_not_equal(vn_model_config_generation(de.dev), gen);
	assert_int_equal(
		me_cmd(VN_NET_CTRL_ANNOUNCE, VN_NET_CTRL_ANNOUNCE_ACK, NULL, 0), VN_NET_OK);
	assert_int_equal(config_status(), VN_NET_S_LINK_UP);
	assert_false(me_config_irq());
}

/* A guest that was cut off by a restart is asked once what it sends arrives; no other one is. */
static void
test_announce_restart(void **state)
{
	static const uint64_t without[] = {0, VN_NET_F_GUEST_ANNOUNCE, VN_NET_F_STATUS};

	(void)state;
	me_begin(false);
	for (unsigned int i = 0; i < RTE_DIM(without); i++) {
		const bool asked = without[i] == 0;
		struct result r = {0};

		me_load(USUAL_FEATURES & ~without[i]);
		UNTIL(me_all_run());
		me_config_irq();
		fp_hold(FP_OPEN);
		vn_device_restart(de.dev, result_cb, &r);
		UNTIL(fp_inside(FP_OPEN));
		SETTLE();
		assert_false(me_config_irq());
		assert_int_equal(config_status() & VN_NET_S_ANNOUNCE, 0);
		fp_release(FP_OPEN);
		UNTIL(r.calls == 1);
		assert_int_equal(r.value, 0);
		assert_true(me_all_run());
		SETTLE();
		assert_int_equal(me_config_irq(), asked);
		assert_int_equal(
			config_status() & VN_NET_S_ANNOUNCE, asked ? VN_NET_S_ANNOUNCE : 0);
		if (asked) {
			assert_int_equal(
				me_cmd(VN_NET_CTRL_ANNOUNCE, VN_NET_CTRL_ANNOUNCE_ACK, NULL, 0),
				VN_NET_OK);
			assert_int_equal(config_status(), VN_NET_S_LINK_UP);
		}
		vn_model_set_status(de.dev, 0);
		UNTIL(vn_model_status(de.dev) == 0);
		me_wipe();
	}
}

/* One bad variant of a command each: refused, and nothing has changed. */
static void
test_malformed(void **state)
{
	static const struct {
		uint8_t class, command;
		uint8_t len;
		uint8_t data[20];
	} bad[] = {
		{7, 0, 0, {0}},
		{9, 0, 0, {0}},
		{255, 255, 0, {0}},
		{VN_NET_CTRL_RX, 0, 0, {0}},
		{VN_NET_CTRL_RX, 0, 2, {0}},
		{VN_NET_CTRL_RX, 0, 1, {2}},
		{VN_NET_CTRL_RX, 5, 0, {0}},
		{VN_NET_CTRL_RX, 6, 1, {1}},
		{VN_NET_CTRL_MAC, 1, 5, {2}},
		{VN_NET_CTRL_MAC, 1, 7, {2}},
		{VN_NET_CTRL_MAC, 1, 0, {2}},
		{VN_NET_CTRL_MAC, 2, 6, {2}},
		/* MAC tables: short, long, lengths that lie, that wrap. */
		{VN_NET_CTRL_MAC, 0, 0, {0}},
		{VN_NET_CTRL_MAC, 0, 3, {0}},
		{VN_NET_CTRL_MAC, 0, 4, {0}},
		{VN_NET_CTRL_MAC, 0, 7, {0}},
		{VN_NET_CTRL_MAC, 0, 9, {0}},
		{VN_NET_CTRL_MAC, 0, 8, {1}},
		{VN_NET_CTRL_MAC, 0, 8, {0, 0, 0, 0, 1}},
		{VN_NET_CTRL_MAC, 0, 14, {2}},
		{VN_NET_CTRL_MAC, 0, 14, {0, 0, 0, 0, 2}},
		{VN_NET_CTRL_MAC, 0, 8, {255, 255, 255, 255}},
		{VN_NET_CTRL_MAC, 0, 8, {0, 0, 0, 0, 255, 255, 255, 255}},
		{VN_NET_CTRL_MAC, 0, 8, {0xab, 0xaa, 0xaa, 0xaa}},
		{VN_NET_CTRL_VLAN, 0, 0, {0}},
		{VN_NET_CTRL_VLAN, 0, 1, {0}},
		{VN_NET_CTRL_VLAN, 0, 3, {0}},
		{VN_NET_CTRL_VLAN, 1, 2, {0, 0x10}},
		{VN_NET_CTRL_VLAN, 2, 2, {0}},
		{VN_NET_CTRL_ANNOUNCE, 0, 1, {0}},
		{VN_NET_CTRL_ANNOUNCE, 1, 0, {0}},
	};
	static uint8_t before[VN_MODEL_SAVE_MAX], after[VN_MODEL_SAVE_MAX];
	struct vn_rx_state rx;
	int len;

	(void)state;
	me_up(USUAL_FEATURES);
	vn_model_announce(de.dev);
	rx = de.dev->priv->model->rx;
	me.saves = 0;
	for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
		de.dev->priv->model->ctrl.commands = 0;
		len = vn_model_save(de.dev, before, sizeof(before));
		assert_int_equal(
			me_cmd(bad[i].class, bad[i].command, bad[i].data, bad[i].len), VN_NET_ERR);
		assert_int_equal(me_answer_len(), 1);
		de.dev->priv->model->ctrl.commands = 0;
		assert_int_equal(vn_model_save(de.dev, after, sizeof(after)), len);
		assert_memory_equal(before, after, len);
	}
	assert_int_equal(me_raw("", 0, 1), VN_NET_ERR);
	assert_int_equal(me_raw("\0", 1, 1), VN_NET_ERR);
	/* Longer than anything. */
	{
		static const uint8_t big[CTRL_ROOM + 1];

		assert_int_equal(me_raw(big, sizeof(big), 1), VN_NET_ERR);
	}
	/* No room for an answer: not obeyed. */
	assert_int_equal(me_raw("\0\0\0", 3, 0), -1);
	assert_memory_equal(&rx, &de.dev->priv->model->rx, sizeof(rx));
	assert_int_equal(me.saves, 0);
	assert_false(de.dev->broken);
	assert_int_equal(rx_mode(VN_NET_CTRL_RX_PROMISC, 0), VN_NET_OK);
}

/* Each command needs its feature. */
static void
test_not_negotiated(void **state)
{
	static const struct {
		uint64_t feature;
		uint8_t class, command, len;
		uint8_t data[32];
	} cases[] = {
		{VN_NET_F_CTRL_RX, VN_NET_CTRL_RX, 0, 1, {0}},
		{VN_NET_F_CTRL_RX, VN_NET_CTRL_RX, 1, 1, {0}},
		{VN_NET_F_CTRL_RX_EXTRA, VN_NET_CTRL_RX, 2, 1, {0}},
		{VN_NET_F_CTRL_RX_EXTRA, VN_NET_CTRL_RX, 5, 1, {0}},
		{VN_NET_F_CTRL_RX, VN_NET_CTRL_MAC, 0, 8, {0}},
		{VN_NET_F_CTRL_MAC_ADDR, VN_NET_CTRL_MAC, 1, 6, {2, 1, 1, 1, 1, 1}},
		{VN_NET_F_CTRL_VLAN, VN_NET_CTRL_VLAN, 0, 2, {1}},
		{VN_NET_F_GUEST_ANNOUNCE, VN_NET_CTRL_ANNOUNCE, 0, 0, {0}},
		{VN_NET_F_MQ, VN_NET_CTRL_MQ, 0, 2, {1}},
		{VN_NET_F_RSS, VN_NET_CTRL_MQ, 1, 13, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}},
		{VN_NET_F_CTRL_GUEST_OFFLOADS, VN_NET_CTRL_GUEST_OFFLOADS, 0, 8, {0}},
		{VN_NET_F_NOTF_COAL, VN_NET_CTRL_NOTF_COAL, 0, 8, {0}},
		{VN_NET_F_NOTF_COAL, VN_NET_CTRL_NOTF_COAL, 1, 8, {0}},
		{VN_NET_F_VQ_NOTF_COAL, VN_NET_CTRL_NOTF_COAL, 2, 12, {0}},
		{VN_NET_F_VQ_NOTF_COAL, VN_NET_CTRL_NOTF_COAL, 3, 4, {0}},
		{VN_NET_F_DEVICE_STATS, VN_NET_CTRL_STATS, 0, 0, {0}},
		{VN_NET_F_DEVICE_STATS, VN_NET_CTRL_STATS, 1, 16, {0}},
	};

	(void)state;
	me_begin(false);
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		for (unsigned int with = 0; with < 2; with++) {
			/* RSS so that the control queue stays where it is. */
			uint64_t f = VN_F_VERSION_1 | VN_NET_F_CTRL_VQ | VN_NET_F_MQ | VN_NET_F_RSS;

			f = with ? f | cases[i].feature : f & ~cases[i].feature;
			me_wipe();
			me_load(f);
			assert_int_equal(me_cmd(cases[i].class, cases[i].command, cases[i].data,
						 cases[i].len),
				with ? VN_NET_OK : VN_NET_ERR);
			vn_model_set_status(de.dev, 0);
			UNTIL(vn_model_status(de.dev) == 0);
		}
	}
}

/* Many commands by one kick, and no notification is lost when they come one by one. */
static void
test_bursts(void **state)
{
	const unsigned int n = env_rounds("commands", 200, 20000);
	uint64_t commands;

	(void)state;
	me_up(USUAL_FEATURES);
	for (unsigned int i = 0; i < n; i++) {
		const unsigned int burst = 1 + i % 8;

		commands = de.dev->priv->model->ctrl.commands;
		for (unsigned int j = 0; j < burst; j++)
			me_post("\x00\x00\x01", 3, 1);
		/* As the driver does it: only when it is asked to. */
		if (!(guest_used(&de.guest, CTRL)->flags & VN_USED_F_NO_NOTIFY))
			vn_model_kick(de.dev, CTRL, 0);
		UNTIL(me_answered());
		assert_int_equal(de.dev->priv->model->ctrl.commands, commands + burst);
	}
	assert_true(pe_signals(me.irq[CTRL + 1]) > 0);
}

/* A poller that is busy elsewhere: the answer waits, others behind it, too. */
static void
test_waits_for_poller(void **state)
{
	(void)state;
	me_up(USUAL_FEATURES);
	fp_hold(FP_TX);
	guest_send(&de.guest, 1, 5);
	vn_model_kick(de.dev, 1, 0);
	UNTIL(fp_inside(FP_TX));
	me_post("\x00\x00\x00", 3, 1);
	vn_model_kick(de.dev, CTRL, 0);
	me_post("\x03\x00", 2, 1);
	vn_model_kick(de.dev, CTRL, 0);
	SETTLE();
	assert_int_equal(guest_used_idx(&de.guest, CTRL), 0);
	fp_release(FP_TX);
	UNTIL(me_answered());
	expect_passes(foreign, 0, false);

	/* The map changes while one waits. */
	fp_hold(FP_TX);
	guest_send(&de.guest, 1, 5);
	vn_model_kick(de.dev, 1, 0);
	UNTIL(fp_inside(FP_TX));
	me_post("\x00\x00\x01", 3, 1);
	vn_model_kick(de.dev, CTRL, 0);
	{
		struct vn_guestmem *old = guest_move(&de.guest);
		struct result r = {0};

		vn_device_set_mem(de.dev, de.guest.mem, result_cb, &r);
		vn_guestmem_unref(old);
		fp_release(FP_TX);
		UNTIL(me_answered() && r.calls == 1);
	}
	assert_int_equal(me_answer()[0], VN_NET_OK);

	/* A reset while one waits: nobody answers. */
	fp_hold(FP_TX);
	guest_send(&de.guest, 1, 5);
	vn_model_kick(de.dev, 1, 0);
	UNTIL(fp_inside(FP_TX));
	me_post("\x00\x00\x00", 3, 1);
	vn_model_kick(de.dev, CTRL, 0);
	vn_model_set_status(de.dev, 0);
	fp_release(FP_TX);
	UNTIL(vn_model_status(de.dev) == 0);
	SETTLE();
	assert_false(me_answered());
}

static void
test_ctrl_broken(void **state)
{
	struct vn_vring_avail *avail;

	(void)state;
	me_up(USUAL_FEATURES);
	me_config_irq();
	avail = guest_at(&de.guest, CTRL, AVAIL_AT);
	avail->idx += RING_SIZE + 1;
	vn_model_kick(de.dev, CTRL, 0);
	assert_true(vn_model_status(de.dev) & VN_STATUS_NEEDS_RESET);
	assert_true(me_config_irq());
	vn_model_kick(de.dev, CTRL, 0);
	de_set_mem(NULL);
	vn_model_kick(de.dev, CTRL, 0);
	vn_model_set_status(de.dev, 0);
	UNTIL(vn_model_status(de.dev) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ME_TEST(test_rx_modes),
		ME_TEST(test_mac),
		ME_TEST(test_info),
		ME_TEST(test_mac_table),
		ME_TEST(test_vlan),
		ME_TEST(test_announce),
		ME_TEST(test_announce_restart),
		ME_TEST(test_malformed),
		ME_TEST(test_not_negotiated),
		ME_TEST(test_bursts),
		ME_TEST(test_waits_for_poller),
		ME_TEST(test_ctrl_broken),
	};

	return cmocka_run_group_tests(tests, pe_group_setup, env_teardown);
}
