/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Commands from the driver: controlq (virtio 1.2, 5.1.6.5).
 *
 * The answer may come long after the command, when the memory map is another one. So of the buffers
 * for it, the guest addresses are kept (in seg[]), and looked up again when it is written.
 */
#include "vn_virtq_chain.h"
#include "vn_virtq_packed.h"

/* Where the bytes of a command go. */
struct command {
	uint8_t *buf;
	uint32_t room;
	uint64_t len;           /* may be more than room */
	bool answering;         /* what follows is for the answer */
	struct vn_chain answer; /* where it goes */
};

/* Copy the buffer of @p desc as far as there is room; the rest is only counted. */
static enum vn_chain_result
read_buffer(struct vn_virtq *vq, const struct vn_desc *desc, struct command *cmd)
{
	uint64_t addr = desc->addr;
	uint64_t at = RTE_MIN(cmd->len, cmd->room);
	uint64_t left = RTE_MIN(desc->len, cmd->room - at);

	while (left > 0) {
		uint64_t part = left;
		const void *p = vn_guestmem_part(vq->mem, addr, &part, false, &vq->hint);

		if (p == NULL)
			return chain_break(vq, &vq->stats->invalid_buffer, "memory");
		memcpy(cmd->buf + at, p, part);
		at += part;
		addr += part;
		left -= part;
	}
	cmd->len += desc->len;
	return VN_CHAIN_OK;
}

/* The next buffer of a command: to be read, or one for its answer. */
static enum vn_chain_result
command_add(struct vn_virtq *vq, const struct vn_desc *desc, struct command *cmd)
{
	if (desc->flags & VN_DESC_F_WRITE) {
		cmd->answering = true;
		return chain_add_buffer(vq, desc, true, UINT64_MAX, &cmd->answer);
	}
	if (!cmd->answering)
		return read_buffer(vq, desc, cmd);
	count(&vq->stats->bad_desc_errors, 1);
	return VN_CHAIN_BAD;
}

/* Read the next command, and collect where its answer goes. There is one. */
static enum vn_chain_result
read_command(struct vn_virtq *vq, struct command *cmd)
{
	const bool indirect = vq->conf.features & VN_F_INDIRECT_DESC;
	const uint16_t head = read_head(vq, 0);
	struct vn_walk w = walk_begin(vq, head);
	enum vn_chain_result r;
	struct vn_desc desc;

	for (;;) {
		r = walk_next(vq, &w, indirect, &desc, &cmd->answer.descs);
		if (r == VN_CHAIN_OK)
			r = command_add(vq, &desc, cmd);
		if (r != VN_CHAIN_OK || !(desc.flags & VN_DESC_F_NEXT))
			break;
		w.i = desc.next;
	}
	if (r != VN_CHAIN_BROKEN) {
		take(vq, head, 0);
		note_position(vq);
	}
	return r;
}

/* The same of a packed ring. */
static enum vn_chain_result
read_packed_command(struct vn_virtq *vq, struct command *cmd)
{
	const bool indirect = vq->conf.features & VN_F_INDIRECT_DESC;
	enum vn_chain_result r = VN_CHAIN_OK, rest;
	struct packed_walk w;
	struct vn_desc desc;
	uint64_t word;

	/* It was seen, so if there is none, the ring is broken. */
	if (!packed_walk_begin(vq, &w, vq->pk_next, packed_room(vq), &word)) {
		(void)packed_none_there(vq, 0);
		return VN_CHAIN_BROKEN;
	}
	while (r == VN_CHAIN_OK && !w.end) {
		r = packed_walk_next(vq, &w, word, indirect, &desc, &cmd->answer.descs);
		if (r == VN_CHAIN_OK)
			r = command_add(vq, &desc, cmd);
	}
	if (r == VN_CHAIN_BROKEN)
		return r;
	rest = packed_walk_rest(vq, &w, &cmd->answer.descs);
	if (rest != VN_CHAIN_OK)
		return rest;
	packed_take(vq, &w, 0);
	return r;
}

int
vn_virtq_ctrl_next(
	struct vn_virtq *vq, void *buf, uint32_t room, uint32_t *len, uint32_t *reply_room)
{
	uint32_t descs = 0;
	uint16_t avail;
	int got = 0;

	if (vq->taken != vq->used)
		return 0;
	avail = vn_virtq_avail(vq);
	if (avail > vq->stats->max_post)
		__atomic_store_n(&vq->stats->max_post, avail, __ATOMIC_RELAXED);
	while (got == 0 && descs <= VN_VQ_DESC_BUDGET && vn_virtq_avail_upto(vq, 1) > 0) {
		struct command cmd = {.buf = buf, .room = room};
		const struct vn_chain *answer = &cmd.answer;
		enum vn_chain_result r;

		r = vq->packed ? read_packed_command(vq, &cmd) : read_command(vq, &cmd);
		count(&vq->stats->received_desc, answer->descs);
		if (r == VN_CHAIN_BROKEN)
			return 0;
		descs += answer->descs;
		vq->inflight_descs += answer->descs;
		if (r == VN_CHAIN_OK) {
			count(&vq->stats->packets, 1);
			count(&vq->stats->total_bytes, cmd.len);
			vq->ctrl_segs = answer->segs;
			*len = RTE_MIN(cmd.len, UINT32_MAX);
			*reply_room = RTE_MIN(answer->bytes, UINT32_MAX);
			got = 1;
		} else {
			if (r == VN_CHAIN_SEGS)
				count(&vq->stats->exceed_max_chain, 1);
			vn_virtq_flush_used(vq);
			vn_virtq_publish(vq);
		}
	}
	return got;
}

/* @return bytes written; the ring may be broken then. */
static uint32_t
write_answer(struct vn_virtq *vq, const uint8_t *data, uint32_t len)
{
	uint32_t done = 0;

	for (uint32_t i = 0; i < vq->ctrl_segs && done < len; i++) {
		uint64_t addr = vq->seg[i].gpa;
		uint64_t left = RTE_MIN(vq->seg[i].len, len - done);

		while (left > 0) {
			uint64_t part = left;
			void *p = vn_guestmem_part(vq->mem, addr, &part, true, &vq->hint);

			if (p == NULL) {
				(void)chain_break(vq, &vq->stats->invalid_buffer, "memory");
				return done;
			}
			memcpy(p, data + done, part);
			if (vq->log_dirty)
				log_write(vq, addr, part);
			done += part;
			addr += part;
			left -= part;
		}
	}
	return done;
}

void
vn_virtq_ctrl_reply(struct vn_virtq *vq, const void *data, uint32_t len)
{
	check_owner(vq);
	if (vq->taken == vq->used || vq->broken != NULL)
		return;
	len = write_answer(vq, data, len);
	if (vq->broken != NULL)
		return;
	vq->inflight[vq->used & vq->mask].len = vq->packed ? len : rte_cpu_to_le_32(len);
	vn_virtq_flush_used(vq);
	vn_virtq_publish(vq);
}
