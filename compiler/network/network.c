/* Shared questions about types of the network. */
#include "network/network.h"

#include "base/diag.h"

uint64_t type_positions(const Type *type)
{
	if (type->domain != DOMAIN_GRID && type->domain != DOMAIN_GROUP_GRID)
		return 1;
	uint64_t count = 1;
	for (uint32_t a = 0; a < type->dim; a++)
		count *= type->shape[a];
	return count;
}

const char *grid_name(uint32_t dim)
{
	static const char *const names[] = {"vector", "signal", "image", "volume"};
	ENTK_ASSERT(dim <= GRID_MAX_DIM);
	return names[dim];
}

bool node_joins(const Node *node)
{
	return node->kind == NODE_SUM || node->kind == NODE_PRODUCT || node->kind == NODE_CONCAT;
}

static char *shape_text(Arena *arena, const Type *type)
{
	const uint32_t *n = type->shape;
	if (type->dim == 1)
		return arena_printf(arena, "%s %u", grid_name(type->dim), n[0]);
	if (type->dim == 2)
		return arena_printf(arena, "%s %ux%u", grid_name(type->dim), n[0], n[1]);
	return arena_printf(arena, "%s %ux%ux%u", grid_name(type->dim), n[0], n[1], n[2]);
}

char *type_text(Arena *arena, const Type *type)
{
	switch (type->domain) {
	case DOMAIN_VECTOR:
		return arena_printf(arena, "vector");
	case DOMAIN_GRID:
		return shape_text(arena, type);
	case DOMAIN_GROUP_GRID:
		return arena_printf(arena, "%s over %s", type->group->name, shape_text(arena, type));
	case DOMAIN_GROUP:
		return arena_printf(arena, "%s", type->group->name);
	}
	ICE("unknown domain");
}
