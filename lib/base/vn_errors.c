/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <assert.h>
#include <string.h>

#include <rte_common.h>

#include "vn_errors.h"

struct row {
	const char *name;
	const char *text;
};

#define ROW(nr, id, what) [(nr)-1] = {"VIRTNET_ERR_" #id, what},
static const struct row rows[] = {VN_ERRORS(ROW)};
#undef ROW

static_assert(RTE_DIM(rows) == VN_ERRORS_ROWS, "a row of contract section 6 is missing");

static const struct row *
find(int error)
{
	if (error > -1000 || error <= -1000 - VN_ERRORS_ROWS)
		return NULL;
	return &rows[-1000 - error];
}

const char *
vn_error_text(int error)
{
	const struct row *r = find(error);

	if (r != NULL)
		return r->text;
	if (error == 0)
		return "Success";
	if (error > 0 || error <= -1000)
		return "Unknown error";
	/* The constant variant: strerror() may be writing its buffer in another thread. */
	return strerrordesc_np(-error) != NULL ? strerrordesc_np(-error) : "Unknown error";
}

const char *
vn_error_name(int error)
{
	const struct row *r = find(error);

	return r != NULL ? r->name : NULL;
}
