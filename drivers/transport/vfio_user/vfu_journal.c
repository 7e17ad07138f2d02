/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * The journal: what makes a message executed, in one store (vfu_shm.h).
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vfu_private.h"

void
vfu_drop_later(struct vfu_conn *c, uint32_t number)
{
	unsigned int room;
	uint32_t *drops;

	if (number == 0)
		return;
	if (c->n_drops == c->drops_room) {
		room = c->drops_room == 0 ? 16 : 2 * c->drops_room;
		drops = realloc(c->drops, room * sizeof(drops[0]));
		if (drops == NULL)
			return; /* it is kept in vain: the next successor drops it */
		c->drops = drops;
		c->drops_room = room;
	}
	c->drops[c->n_drops++] = number;
}

void
vfu_drop_now(struct vfu_conn *c)
{
	unsigned int i;

	for (i = 0; i < c->n_drops; i++)
		vfu_unkeep(c->ep, c->drops[i]);
	c->n_drops = 0;
}

/* Into the buffer that is not valid. @return the bit to flip, or 0: keep the valid one. */
static uint64_t
journal_write_pci(struct vfu_endpoint *ep)
{
	struct vfu_shm *shm = ep->shm;
	unsigned int spare = (vfu_shm_mark(shm) & VFU_MARK_PCI) ? 0 : 1;
	int len;

	len = vn_pci_fn_save(ep->fn, shm->pci[spare].data, sizeof(shm->pci[spare].data));
	if (len < 0) {
		if (vn_log_allowed(&ep->dev->log_limit, ep->dev->conf.vuid))
			VN_ERR("%s: the state of the function cannot be saved: %s",
				ep->dev->conf.vuid, strerror(-len));
		return 0;
	}
	shm->pci[spare].len = (uint64_t)len;
	return VFU_MARK_PCI;
}

static uint64_t
journal_write_own(struct vfu_conn *c)
{
	struct vfu_shm *shm = c->ep->shm;

	shm->own[(vfu_shm_mark(shm) & VFU_MARK_OWN) ? 0 : 1] = c->own;
	return VFU_MARK_OWN;
}

/* It becomes valid with message @p seq. */
static void
journal_write_reply(struct vfu_conn *c, const struct vfu_msg *m, int result, uint64_t seq)
{
	struct vfu_shm *shm = c->ep->shm;
	struct vfu_reply *r = &shm->reply[(c->first + c->owed) % VFU_MAX_OWED];
	struct vfu_hdr hdr = {
		.id = m->hdr.id,
		.command = m->hdr.command,
		.flags = VFU_F_REPLY | (result != 0 ? VFU_F_ERROR : 0),
		.error = result != 0 ? (uint32_t)-result : 0,
	};
	uint32_t len = result != 0 ? 0 : m->reply_len;
	uint8_t *data;

	/* Whatever was in this place is over, and not this one before it is complete. */
	r->seq = 0;
	vfu_shm_order();
	hdr.size = (uint32_t)sizeof(hdr) + len;
	r->len = hdr.size;
	r->big = hdr.size > sizeof(r->small);
	r->with_fd = result == 0 && m->reply_fd;
	memset(r->mm, 0, sizeof(r->mm));
	data = r->big ? shm->big : r->small;
	memcpy(data, &hdr, sizeof(hdr));
	if (len > 0)
		memcpy(data + sizeof(hdr), m->reply, len);
	vfu_shm_order();
	r->seq = seq;
}

void
vfu_journal_commit(struct vfu_conn *c, const struct vfu_msg *m, int result)
{
	struct vfu_endpoint *ep = c->ep;
	struct vfu_shm *shm = ep->shm;
	const bool replies = !(m->hdr.flags & VFU_F_NO_REPLY);
	uint64_t seq = vfu_shm_seq(shm) + 1;
	uint64_t flip = 0;
	unsigned int i;

	if (m->pci_changed)
		flip |= journal_write_pci(ep);
	if (m->own_changed)
		flip |= journal_write_own(c);
	if (replies)
		journal_write_reply(c, m, result, seq);
	/* What was written on the way may have flipped a buffer: look at the mark only now. */
	flip ^= vfu_shm_mark(shm) & (VFU_MARK_PCI | VFU_MARK_OWN);
	for (i = 0; i < shm->n_fds; i++) {
		if (!(c->claimed & (1u << i)))
			vfu_drop_later(c, shm->fd_number[i]);
	}
	vfu_shm_set_mark(shm, seq << VFU_MARK_SHIFT | flip);

	if (replies)
		c->owed++;
	vfu_drop_now(c);
}

void
vfu_journal_save(struct vfu_endpoint *ep)
{
	vfu_shm_set_mark(ep->shm, vfu_shm_mark(ep->shm) ^ journal_write_pci(ep));
}

void
vfu_journal_clear(struct vfu_endpoint *ep)
{
	struct vfu_shm *shm = ep->shm;
	const uint64_t mark = vfu_shm_mark(shm);
	unsigned int i;

	for (i = 0; i < VFU_MAX_OWED; i++)
		shm->reply[i].seq = 0;
	memset(&shm->own[(mark & VFU_MARK_OWN) ? 0 : 1], 0, sizeof(shm->own[0]));
	vfu_shm_set_mark(
		shm, (mark ^ VFU_MARK_OWN) & ~(uint64_t)(VFU_MARK_TAKING | VFU_MARK_TAKEN));
	vfu_journal_save(ep);
}

int
vfu_journal_resume(struct vfu_conn *c)
{
	struct vfu_shm *shm = c->ep->shm;
	const uint64_t mark = vfu_shm_mark(shm), seq = mark >> VFU_MARK_SHIFT;
	uint64_t oldest = UINT64_MAX;
	unsigned int i;

	c->own = shm->own[(mark & VFU_MARK_OWN) ? 1 : 0];
	c->owed = 0;
	c->first = 0;
	for (i = 0; i < VFU_MAX_OWED; i++) {
		struct vfu_reply *r = &shm->reply[i];

		if (r->seq > seq)
			r->seq = 0; /* it has never been */
		if (r->seq == 0 || vfu_reply_sent(r) >= r->len)
			continue;
		if (r->len < sizeof(struct vfu_hdr) ||
			r->len > (r->big ? sizeof(shm->big) : sizeof(r->small)))
			return -EINVAL;
		c->owed++;
		if (r->seq < oldest) {
			oldest = r->seq;
			c->first = i;
		}
	}
	if ((mark & (VFU_MARK_TAKING | VFU_MARK_TAKEN)) &&
		(shm->msg_size < sizeof(struct vfu_hdr) || shm->msg_size > VFU_MAX_MSG ||
			shm->n_fds > VN_MSG_MAX_FDS))
		return -EINVAL;
	return 0;
}
