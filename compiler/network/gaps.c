#include "network/gaps.h"

#include <stdlib.h>
#include <string.h>

bool network_has_gaps(const Network *network)
{
	for (uint32_t i = 0; i < network->node_count; i++)
		if (network->nodes[i]->gap != GAP_NONE)
			return true;
	return false;
}

/* ---- diagnostics ---------------------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
	const Node *const *left = a, *const *right = b;
	const Span *x = &(*left)->span, *y = &(*right)->span;
	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return (int)(*left)->gap - (int)(*right)->gap;
}

static void report(Diag *diag, const Node *node)
{
	switch (node->gap) {
	case GAP_LAYER:
		diag_error(diag, node->span, "E0607", "layer \"%s\" is not available in this version", node->label);
		return;
	case GAP_PRODUCT:
		diag_error(diag, node->span, "E0607", "products of branches are not available in this version");
		return;
	case GAP_STANDARD:
		diag_error(diag, node->span, "E0607", "the standard parameterization is not available in this version");
		return;
	case GAP_NONE:
		break;
	}
	ICE("no gap");
}

bool network_report_gaps(Arena *arena, Diag *diag, const Program *program)
{
	size_t count = 0;
	for (uint32_t i = 0; i < program->network_count; i++)
		for (uint32_t k = 0; k < program->networks[i]->node_count; k++)
			if (program->networks[i]->nodes[k]->gap != GAP_NONE)
				count++;
	const Node **gaps = ARENA_ARRAY(arena, const Node *, count + 1);
	count = 0;
	for (uint32_t i = 0; i < program->network_count; i++)
		for (uint32_t k = 0; k < program->networks[i]->node_count; k++)
			if (program->networks[i]->nodes[k]->gap != GAP_NONE)
				gaps[count++] = program->networks[i]->nodes[k];
	qsort(gaps, count, sizeof *gaps, by_place);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || by_place(&gaps[i - 1], &gaps[i]) != 0)
			report(diag, gaps[i]);
	return count == 0;
}

/* ---- text ----------------------------------------------------------------------------------------------------- */

static const char *gap_name(const Node *node)
{
	if (node->gap == GAP_PRODUCT)
		return "product of branches";
	return node->gap == GAP_STANDARD ? "standard parameterization" : node->label;
}

char *network_gaps_text(Arena *arena, const Network *network)
{
	const char *names[64]; /* more than there are layers in the language */
	size_t count = 0;
	char *text = arena_printf(arena, "%s", "");
	for (uint32_t i = 0; i < network->node_count; i++) {
		const Node *node = network->nodes[i];
		if (node->gap == GAP_NONE)
			continue;
		const char *name = gap_name(node);
		bool known = count == sizeof names / sizeof names[0];
		for (size_t k = 0; k < count && !known; k++)
			known = strcmp(names[k], name) == 0;
		if (known)
			continue;
		names[count++] = name;
		text = arena_printf(arena, "%s%s%s", text, count == 1 ? "" : ", ", name);
	}
	return text;
}
