/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* "Did you mean ...": the known name that a mistyped one is nearest to. */

#include <ctype.h>
#include <string.h>

#include "vn_conf_doc.h"

#define MAX_NAME 48

static unsigned int
min3(unsigned int a, unsigned int b, unsigned int c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

/* Case and the kind of dash are not what a mistake is about. */
static void
fold(const char *in, char out[MAX_NAME])
{
	size_t i;

	for (i = 0; i < MAX_NAME - 1 && in[i] != '\0'; i++)
		out[i] = in[i] == '-' || in[i] == ' ' ? '_' : (char)tolower((unsigned char)in[i]);
	out[i] = '\0';
}

/* Insertions, deletions, changes and swaps of neighbours that turn a into b. */
static unsigned int
distance(const char *a, const char *b)
{
	unsigned int row[3][MAX_NAME] = {{0}};
	size_t la = strlen(a), lb = strlen(b), i, j;
	unsigned int *before, *last = row[1], *cur = row[2], *spare;

	before = row[0];
	for (j = 0; j <= lb; j++)
		last[j] = (unsigned int)j;
	for (i = 1; i <= la; i++) {
		cur[0] = (unsigned int)i;
		for (j = 1; j <= lb; j++) {
			cur[j] = min3(
				last[j] + 1, cur[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				before[j - 2] + 1 < cur[j])
				cur[j] = before[j - 2] + 1;
		}
		spare = before;
		before = last;
		last = cur;
		cur = spare;
	}
	return last[lb];
}

const char *
vn_conf_closest(const char *name, const char *const names[], size_t n)
{
	unsigned int d, best = UINT32_MAX, limit;
	char a[MAX_NAME], b[MAX_NAME];
	const char *found = NULL;
	size_t i;
	bool part;

	if (strlen(name) < 2 || strlen(name) >= MAX_NAME)
		return NULL;
	fold(name, a);
	limit = strlen(a) < 8 ? 2 : (unsigned int)strlen(a) / 4;
	for (i = 0; i < n; i++) {
		fold(names[i], b);
		d = distance(a, b);
		/* Half a name is a hint too: "mac" for "mac_base". */
		part = strlen(a) >= 3 && (strstr(b, a) != NULL || strstr(a, b) != NULL);
		if (d > limit && !part)
			continue;
		/* All of a short name replaced is no likeness. */
		if (d >= strlen(a) && strstr(b, a) == NULL)
			continue;
		if (d < best) {
			best = d;
			found = names[i];
		}
	}
	return found;
}
